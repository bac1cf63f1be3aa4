import Foundation
import Support
import Testing

/// What the pipelines that come with brake say at their beginning that one can do with them.
@Suite struct PipelineHeaderTests {
  private static let names = try! FileManager.default.contentsOfDirectory(
    atPath: BrakeProcess.packageRoot + "/pipelines"
  ).filter { $0.hasSuffix(".yaml") }.sorted()

  /// The commands in the comment at the beginning of a file, without what they are said to do.
  private static func commands(_ text: String) -> [String] {
    text.split(separator: "\n").prefix { $0.hasPrefix("#") }.compactMap { line in
      guard line.hasPrefix("#   brake") else { return nil }
      let command = line.dropFirst(4)
      return String(command.firstRange(of: "  ").map { command[..<$0.lowerBound] } ?? command)
    }
  }

  @Test(arguments: names) func `Every command at the beginning of a pipeline can be planned`(name: String)
    throws
  {
    let folder = TemporaryFolder()
    try FileManager.default.copyItem(
      atPath: BrakeProcess.packageRoot + "/pipelines", toPath: folder["pipelines"])
    try FileManager.default.copyItem(
      atPath: BrakeProcess.packageRoot + "/examples", toPath: folder["examples"])
    for file in [
      "shakespeare.txt", "validation.txt", "book.txt", "tokenizer.json", "losses.csv", "runs.json",
    ] {
      folder.write("1,2\n", to: file)
    }
    for run in ["14m", "70m"] {
      folder.write("step,loss\n1,2\n", to: "models/\(run)/losses.csv")
      for power in 0...10 { folder.write("{}\n", to: "models/\(run)/\(1 << power)/config.json") }
    }
    let text = try #require(folder.text("pipelines/" + name))
    let commands = Self.commands(text)
    #expect(!commands.isEmpty)
    for command in commands {
      let words = command.dropFirst("brake".count)
      let rest = words.hasPrefix(" run ") ? words.dropFirst(" run".count) : words
      let file = rest.contains(" -f ") ? "" : " -f pipelines/\(name)"
      let plan = try folder.shell("\"$BRAKE\" run -n\(file)\(rest)")
      #expect(plan.status == 0, "\(command): \(plan.err)")
      #expect(!plan.out.isEmpty)
    }
  }
}
