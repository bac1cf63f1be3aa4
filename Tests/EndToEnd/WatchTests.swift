import Foundation
import JSON
import Support
import Testing

/// `brake run --watch`.
@Suite struct WatchTests {
  let pipeline = WordPipeline()
  var folder: TemporaryFolder { pipeline.folder }

  private func start(_ arguments: String...) throws -> BrakeProcess {
    try BrakeProcess(["run", "--watch", "--events", "events"] + arguments, in: folder)
  }

  /// Waits until so many rounds have ended; false if that takes longer than anything should.
  private func ends(_ rounds: Int) -> Bool {
    for _ in 0..<1000 {
      if (folder.text("events") ?? "").components(separatedBy: "\"run_finished\"").count - 1 >= rounds {
        return true
      }
      usleep(20_000)
    }
    return false
  }

  @Test func `A change of a source makes another round, and what brake publishes none`() throws {
    let brake = try start()
    #expect(ends(1))
    #expect(pipeline.ran() == ["shout", "count"])
    folder.write("longer than before\n", to: "words.txt")
    #expect(ends(2))
    #expect(pipeline.ran() == ["shout", "count"])
    // An editor writes another file and renames it.
    folder.write("another\n", to: "words.new")
    #expect(rename(folder["words.new"], folder["words.txt"]) == 0)
    #expect(ends(3))
    #expect(pipeline.ran() == ["shout", "count"])
    #expect(folder.text("results/number.txt") == "8\n")
    usleep(1_500_000)
    brake.send(SIGINT)
    let finished = brake.wait()
    #expect(finished.status == 0, "\(finished)")
    #expect(finished.outLines.count == 3, "\(finished.out)")
    #expect(finished.outLines.first?.hasPrefix("2 planned: 2 ran, 0 hit") == true)
    #expect(finished.outLines.last?.hasPrefix("words.txt changed: 2 planned: 2 ran") == true)
    #expect(pipeline.ran() == [])
  }

  @Test func `A broken pipeline is reported and waited upon, as is a source that is not there`() throws {
    let good = try #require(folder.text("brake.yaml"))
    let brake = try start("--json")
    #expect(ends(1))
    folder.write("stages: [\n", to: "brake.yaml")
    usleep(1_500_000)
    folder.write(good.replacingOccurrences(of: "words.txt", with: "others.txt"), to: "brake.yaml")
    #expect(ends(2), "a stage fails, since its source is not there")
    folder.write("others\n", to: "others.txt")
    #expect(ends(3))
    brake.send(SIGTERM)
    let finished = brake.wait()
    #expect(finished.status == 0, "\(finished)")
    #expect(finished.err.contains("brake.yaml:"), "\(finished.err)")
    let rounds = try finished.outLines.map { try JSON(parsing: String($0)) }
    #expect(rounds.last?["changed"] == ["others.txt"])
    #expect(rounds.last?["ran"] == 2)
  }

  @Test func `A file that comes into a folder is a change, and one beside it is none`() throws {
    folder.write("a", to: "texts/a")
    folder.write(
      "stages: { list: { run: \"ls ${in.texts} > ${out.o}\", in: { texts: texts }, out: { o: o.txt }, publish: results/ } }",
      to: "brake.yaml")
    let brake = try start()
    #expect(ends(1))
    folder.write("x", to: "beside")
    usleep(1_500_000)
    folder.write("b", to: "texts/inner/b")
    #expect(ends(2))
    #expect(folder.text("results/o.txt") == "a\ninner\n")
    brake.send(SIGINT)
    #expect(brake.wait().outLines.count == 2)
  }

  @Test func `Ctrl-C during a round ends it as it ends a run`() throws {
    folder.write(
      "stages: { long: { run: \"touch \(folder["on"]); sleep 60\", out: { o: p.txt } } }", to: "brake.yaml")
    let brake = try start()
    #expect(folder.appears("on"))
    brake.send(SIGINT)
    #expect(brake.wait().status == 130)
    #expect(try folder.brake("run", "--watch", "-n").status == 2)
  }
}
