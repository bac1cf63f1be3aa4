import Foundation
import Support

/// Two shell stages over one source file. Each adds a line to `runs.txt` whenever it runs.
struct WordPipeline {
  let folder = TemporaryFolder()

  init() {
    folder.write("hello\n", to: "words.txt")
    folder.write(
      """
      params: { prefix: "" }
      stages:
        shout:
          run: |
            echo shout >> \(folder["runs.txt"])
            echo "shouting ${prefix}"
            tr a-z A-Z < ${in.text} > ${out.loud}
          in: { text: words.txt }
          out: { loud: loud.txt }
        count:
          run: |
            echo count >> \(folder["runs.txt"])
            wc -c < ${in.loud} > ${out.number}
          in: { loud: shout }
          out: { number: number.txt }
          publish: results/

      """, to: "brake.yaml")
  }

  /// The stages that ran since the last look, in order.
  func ran() -> [String] {
    defer { try? FileManager.default.removeItem(atPath: folder["runs.txt"]) }
    return (folder.text("runs.txt") ?? "").split(separator: "\n").map(String.init)
  }
}
