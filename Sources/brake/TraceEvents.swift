import Actions
import Artefacts
import JSON
import Runs

/// What is to be written of each event. A value, without a file or a clock.
struct TraceEvents {
  private struct Running {
    let stage: String
    let start: Moment
  }

  /// Places, with what runs there; lane 0 is for what was found in the store.
  private var lanes: [Running?] = []
  private var start: Moment?
  private var made: [String: (key: Digest, outputs: [Record.Output])] = [:]

  mutating func begin(_ run: RecordedRun, at moment: Moment) -> [JSON] {
    if start != nil { return [] }
    start = moment
    let name = (["brake", run.pipeline] + run.targets).joined(separator: " ")
    return [
      metadata("process_name", lane: 0, ["name": .string(name)]),
      metadata("thread_name", lane: 0, ["name": "in the store"]),
    ]
  }

  mutating func take(_ event: RunEvent, at moment: Moment) -> [JSON] {
    switch event {
    case .started(let stage):
      let running = Running(stage: stage, start: moment)
      if let free = lanes.firstIndex(where: { $0 == nil }) {
        lanes[free] = running
        return []
      }
      lanes.append(running)
      return [metadata("thread_name", lane: lanes.count, ["name": .string("place \(lanes.count)")])]
    case .withdrawn(let stage):
      guard let lane = lanes.firstIndex(where: { $0?.stage == stage }) else { return [] }
      return [end(lane, at: moment, ["outcome": "withdrawn"])]
    case .made(let stage, let key, let outputs):
      made[stage] = (key, outputs)
      return []
    case .finished(let stage, let outcome, _):
      var details: [String: JSON] = [:]
      if let made = made.removeValue(forKey: stage) {
        details["key"] = .string(made.key.description)
        details["outputs"] = EventLines.digests(made.outputs)
      }
      switch outcome {
      case .ran: details["outcome"] = "ran"
      case .hit: details["outcome"] = "hit"
      case .skipped: return []
      case .failed(let error):
        details["outcome"] = "failed"
        details["error"] = .string(error.headline)
      }
      guard let lane = lanes.firstIndex(where: { $0?.stage == stage }) else {
        return [entry("i", stage, lane: 0, at: moment, ["s": "t", "args": .object(details)])]
      }
      return [end(lane, at: moment, details)]
    case .note(let text):
      return [entry("i", text, lane: 0, at: moment, ["s": "p"])]
    case .planned, .unchanged, .progress: return []
    }
  }

  /// What still runs was stopped.
  mutating func end(at moment: Moment) -> [JSON] {
    lanes.indices.filter { lanes[$0] != nil }.map { end($0, at: moment, ["outcome": "interrupted"]) }
  }

  private mutating func end(_ lane: Int, at moment: Moment, _ details: [String: JSON]) -> JSON {
    let running = lanes[lane]!
    lanes[lane] = nil
    return entry(
      "X", running.stage, lane: lane + 1, at: running.start,
      ["dur": .number(moment.seconds(since: running.start) * 1e6), "args": .object(details)])
  }

  private func metadata(_ name: String, lane: Int, _ arguments: JSON) -> JSON {
    ["name": .string(name), "ph": "M", "pid": 1, "tid": .integer(Int64(lane)), "args": arguments]
  }

  private func entry(
    _ phase: String, _ name: String, lane: Int, at moment: Moment, _ more: [String: JSON]
  ) -> JSON {
    let common: [String: JSON] = [
      "name": .string(name), "cat": "stage", "ph": .string(phase), "pid": 1, "tid": .integer(Int64(lane)),
      "ts": .number(start.map { moment.seconds(since: $0) * 1e6 } ?? 0),
    ]
    return .object(common.merging(more) { $1 })
  }
}
