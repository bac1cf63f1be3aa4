import Artefacts
import JSON
import Runs

/// What is to be said of each event. A value, without a file or a clock.
struct EventLines {
  private var run: RecordedRun?
  private var start: Moment?
  /// Whether anybody has been told of the run: not before it is known how much there is to do.
  private var isAnnounced = false
  /// When each running stage was last heard of.
  private var heard: [String: Moment] = [:]
  private var made: [String: (key: Digest, outputs: [Record.Output])] = [:]

  /// A stage that tells of its progress all the time is quoted ten times a second.
  private static let pause = 0.1

  mutating func begin(_ run: RecordedRun, at moment: Moment) -> [JSON] {
    self = EventLines()
    self.run = run
    start = moment
    return []
  }

  mutating func take(_ event: RunEvent, at moment: Moment) -> [JSON] {
    switch event {
    case .planned(let count):
      if !isAnnounced { return announce(planned: count, moment) }
      return [line("planned", moment, ["planned": .integer(Int64(count))])]
    case .unchanged(let count):
      return [line("unchanged", moment, ["hit": .integer(Int64(count))])]
    case .started(let stage):
      return [line("started", moment, ["stage": .string(stage)])]
    case .withdrawn(let stage):
      heard[stage] = nil
      return [line("withdrawn", moment, ["stage": .string(stage)])]
    case .progress(let stage, let fraction, let text):
      if let last = heard[stage], moment.seconds(since: last) < EventLines.pause, fraction != 1 { return [] }
      heard[stage] = moment
      let members: [String: JSON] = [
        "stage": .string(stage), "fraction": fraction.map { .number($0) } ?? .null, "text": .string(text),
      ]
      return [line("progress", moment, members)]
    case .made(let stage, let key, let outputs):
      made[stage] = (key, outputs)
      return []
    case .finished(let stage, let outcome, let seconds):
      heard[stage] = nil
      var members: [String: JSON] = ["stage": .string(stage), "seconds": .number(seconds)]
      if let made = made.removeValue(forKey: stage) {
        members["key"] = .string(made.key.description)
        members["outputs"] = EventLines.digests(made.outputs)
      }
      switch outcome {
      case .ran: members["outcome"] = "ran"
      case .hit: members["outcome"] = "hit"
      case .skipped: members["outcome"] = "skipped"
      case .failed(let error):
        members["outcome"] = "failed"
        members["error"] = .string("\(error)")
      }
      return [line("finished", moment, members)]
    case .note(let text): return [line("note", moment, ["text": .string(text)])]
    }
  }

  mutating func end(_ outcome: RunOutcome, at moment: Moment) -> [JSON] {
    var members: [String: JSON]
    switch outcome {
    case .finished(let summary):
      members = summary.json.object ?? [:]
      members["outcome"] = summary.failed > 0 || !summary.failures.isEmpty ? "failed" : "done"
    case .stopped(let error, let soFar):
      members = soFar.json.object ?? [:]
      members["outputs"] = nil
      members["outcome"] = error is Interruption || error is CancellationError ? "interrupted" : "failed"
      members["error"] = .string("\(error)")
    }
    let opening = isAnnounced ? [] : announce(planned: nil, moment)
    return opening + [line("run_finished", moment, members)]
  }

  private mutating func announce(planned: Int?, _ moment: Moment) -> [JSON] {
    isAnnounced = true
    var members: [String: JSON] = ["format": "brake events 1", "brake": .string(brakeVersion)]
    members["planned"] = planned.map { .integer(Int64($0)) } ?? .null
    if let run {
      members["pipeline"] = .string(run.pipeline)
      members["targets"] = .array(run.targets.map(JSON.string))
      members["parameters"] = .object(run.parameters)
    }
    return [line("run_started", moment, members)]
  }

  private func line(_ event: String, _ moment: Moment, _ members: [String: JSON]) -> JSON {
    let common: [String: JSON] = [
      "event": .string(event), "time": .string(moment.text),
      "elapsed": .number(start.map { moment.seconds(since: $0) } ?? 0),
    ]
    return .object(common.merging(members) { $1 })
  }

  /// Output -> digest; of a keyed output, key -> digest.
  static func digests(_ outputs: [Record.Output]) -> JSON {
    var digests: [String: JSON] = [:]
    for output in outputs {
      let digest = JSON.string(output.artefact.digest.description)
      guard let key = output.key else {
        digests[output.name] = digest
        continue
      }
      var members = digests[output.name]?.object ?? [:]
      members[key] = digest
      digests[output.name] = .object(members)
    }
    return .object(digests)
  }
}
