import Foundation
import JSON
import Support
import Testing

/// What a script tells with the Python package, or with a line of its own, while it runs.
@Suite struct AnnouncementTests {
  let folder = TemporaryFolder()

  private func start(_ tell: String, _ arguments: [String] = []) throws -> BrakeProcess {
    folder.write(
      """
      stages:
        train:
          run: |
            \(tell)
            touch \(folder["told"])
            while ! [ -e \(folder["end"]) ]; do sleep 0.05; done
            echo result > ${out.o}
          out: { o: o.txt }
          sandbox: false
      """, to: "brake.yaml")
    let brake = try BrakeProcess(["run"] + arguments, in: folder)
    try #require(folder.appears("told"))
    return brake
  }

  private func status(showing text: String) throws -> Bool {
    for _ in 0..<200 {
      if try folder.brake("status").out.contains(text) { return true }
      usleep(50_000)
    }
    return false
  }

  @Test func `Another process, and a program that reads events, see how far a training is`() throws {
    let brake = try start(
      #"printf '{"event":"log","metrics":{"loss":2.5},"step":640}\n' >> "$BRAKE_EVENTS""#,
      ["--events", "events.jsonl"])
    #expect(try status(showing: "step 640, loss 2.5"))
    folder.write("", to: "end")
    #expect(brake.wait().status == 0)
    let lines = (folder.text("events.jsonl") ?? "").split(separator: "\n").compactMap {
      try? JSON(parsing: String($0))
    }
    #expect(
      lines.contains {
        $0["event"] == "progress" && $0["text"] == "step 640, loss 2.5" && $0["stage"] == "train"
      })
    #expect(try folder.brake("cat", "train").out == "result\n")
  }

  @Test func `The Python package is heard`() throws {
    let package = BrakeProcess.packageRoot + "/python"
    guard try folder.shell("PYTHONPATH='\(package)' python3 -c 'import brake'").status == 0 else { return }
    let brake = try start(
      "PYTHONPATH='\(package)' python3 -c 'import brake; brake.log(7, loss=float(\"nan\"))'")
    #expect(try status(showing: "step 7, loss nan"))
    folder.write("", to: "end")
    #expect(brake.wait().status == 0)
  }
}
