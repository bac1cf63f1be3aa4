import Actions
import Foundation
import JSON
import Pipeline
import Runs
import Support
import Testing

@testable import brake

/// `brake run --events` and `--trace`.
@Suite struct EventsTests {
  let pipeline = WordPipeline()
  var folder: TemporaryFolder { pipeline.folder }

  private func lines(_ text: String?) throws -> [JSON] {
    try (text ?? "").split(separator: "\n").map { try JSON(parsing: String($0)) }
  }

  @Test func `A run is told from its start to its end`() throws {
    #expect(try folder.brake("run", "--events", "events.jsonl", "prefix=x").status == 0)
    let events = try lines(folder.text("events.jsonl"))
    #expect(
      events.compactMap { $0["event"]?.string } == [
        "run_started", "started", "finished", "started", "finished", "run_finished",
      ])
    #expect(events[0]["planned"] == 2)
    #expect(events[0]["format"] == "brake events 1")
    #expect(events[0]["parameters"] == ["prefix": "x"])
    #expect(events[0]["pipeline"] == "brake.yaml")
    #expect(events[2]["stage"] == "shout")
    #expect(events[2]["outcome"] == "ran")
    let digest = try #require(events[2]["outputs"]?["loud"]?.string)
    #expect(try folder.brake("cat", digest).out == "HELLO\n")
    #expect(events[5]["outcome"] == "done")
    #expect(events[5]["ran"] == 2)
    #expect(
      events.allSatisfy {
        $0["time"]?.string?.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/) != nil
          && $0["elapsed"]?.double != nil
      })
    // What was found in the store has its digests, too.
    let again = try folder.brake("run", "--events", "-", "prefix=x")
    let hits = try again.outLines.filter { $0.hasPrefix("{") }.map { try JSON(parsing: String($0)) }
    #expect(hits.filter { $0["outcome"] == "hit" }.count == 2)
    #expect(hits.first { $0["stage"] == "shout" }?["outputs"]?["loud"]?.string == digest)
  }

  @Test func `Events go to what is open, and to a pipe`() throws {
    let found = try folder.shell(
      "$BRAKE run --events /dev/fd/3 3>by-number; mkfifo pipe; cat pipe > by-pipe & $BRAKE run -B --events pipe; wait"
    )
    #expect(found.status == 0, "\(found)")
    #expect(try lines(folder.text("by-number")).last?["event"] == "run_finished")
    #expect(try lines(folder.text("by-pipe")).last?["event"] == "run_finished")
  }

  @Test func `A reader who has gone away, or a full disk, ends the events and not the run`() throws {
    let found = try folder.shell("$BRAKE run --events /dev/full")
    #expect(found.status == 0, "\(found)")
    #expect(
      found.err.contains("the run goes on, but '/dev/full' gets no more of it: No space left on device"))
    let gone = try folder.shell("mkfifo pipe; head -1 pipe > one & $BRAKE run -B --events pipe; wait")
    #expect(gone.status == 0, "\(gone)")
    #expect(try folder.brake("run", "--events", "no/such/folder").status == 2)
    #expect(try folder.brake("run", "-n", "--events", "x").status == 2)
    #expect(try folder.brake("run", "--json", "--events", "-").status == 2)
  }

  @Test func `Failures and interruptions are told`() throws {
    folder.write(
      """
      stages:
        bad: { run: "exit 3", out: { o: o.txt } }
        after: { run: "cat ${in.o} > ${out.p}", in: { o: bad }, out: { p: p.txt } }
        long: { run: "touch \(folder["on"]); sleep 60", out: { o: p.txt } }
      """, to: "brake.yaml")
    #expect(try folder.brake("run", "after", "--events", "events", "--trace", "trace").status == 2)
    let events = try lines(folder.text("events"))
    #expect(events.first { $0["stage"] == "bad" && $0["event"] == "finished" }?["outcome"] == "failed")
    #expect(events.first { $0["stage"] == "after" }?["outcome"] == "skipped")
    #expect(events.last?["outcome"] == "failed")
    #expect(try JSON(parsing: folder.text("trace") ?? "").array?.last?["args"]?["outcome"] == "failed")

    let process = try BrakeProcess(["run", "long", "--events", "events", "--trace", "trace"], in: folder)
    #expect(folder.appears("on"))
    process.send(SIGTERM)
    #expect(process.wait().status == 143)
    let end = try #require(try lines(folder.text("events")).last)
    #expect(end["outcome"] == "interrupted")
    #expect(end["planned"] == 1)
    #expect(end["ran"] == 0)
    #expect(end["outputs"] == nil)
    let trace = try JSON(parsing: folder.text("trace") ?? "").array ?? []
    #expect(trace.last?["name"] == "long")
    #expect(trace.last?["args"]?["outcome"] == "interrupted")
  }

  @Test func `Stages that run side by side have lanes of their own`() throws {
    folder.write(
      """
      stages:
        a: { run: "touch \(folder["a"]); while ! test -e \(folder["b"]); do sleep 0.01; done; echo > ${out.o}", out: { o: o } }
        b: { run: "touch \(folder["b"]); while ! test -e \(folder["a"]); do sleep 0.01; done; echo > ${out.o}", out: { o: o } }
        c: { run: "cat ${in.i} > ${out.o}", in: { i: [a, b] }, out: { o: o } }
      """, to: "brake.yaml")
    #expect(try folder.brake("-j2", "run", "--trace", "trace").status == 0)
    let trace = try JSON(parsing: folder.text("trace") ?? "").array ?? []
    let complete = trace.filter { $0["ph"] == "X" }
    #expect(Set(complete.compactMap { $0["name"]?.string }) == ["a", "b", "c"])
    let lanes = Dictionary(
      uniqueKeysWithValues: complete.map { ($0["name"]!.string!, $0["tid"]!.integer!) })
    #expect(lanes["a"] != lanes["b"])
    #expect(Set(lanes.values) == [1, 2])
    let times = complete.map { ($0["ts"]!.double!, $0["ts"]!.double! + $0["dur"]!.double!) }
    #expect(times.allSatisfy { $0.0 >= 0 && $0.1 > $0.0 })
    #expect(
      trace.contains { $0["ph"] == "M" && $0["name"] == "thread_name" && $0["args"]?["name"] == "place 2" })
  }

  @Test func `Progress is quoted ten times a second at most, and to its end`() {
    var lines = EventLines()
    func moment(_ milliseconds: Int) -> Moment { Moment(text: "", nanoseconds: milliseconds * 1_000_000) }
    _ = lines.begin(RecordedRun(pipeline: "p", targets: [], parameters: [:]), at: moment(0))
    _ = lines.take(.planned(1), at: moment(0))
    let told = (1...1000).flatMap {
      lines.take(.progress(instance: "a", fraction: Double($0) / 1000, text: "step \($0)"), at: moment($0))
    }
    #expect(told.count == 11)
    #expect(told.last?["fraction"]?.double == 1)
    #expect(told.last?["elapsed"]?.double == 1)
    #expect(lines.take(.progress(instance: "b", fraction: nil, text: ""), at: moment(1000)).count == 1)
  }
}
