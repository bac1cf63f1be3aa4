import JSON
import Runs

/// Something that writes down the course of runs, for programs that read it.
protocol RunRecorder: Sendable {
  mutating func begin(_ run: RecordedRun, at moment: Moment)
  mutating func take(_ event: RunEvent, at moment: Moment)
  mutating func end(_ outcome: RunOutcome, at moment: Moment)
  /// After the last run.
  mutating func close()
}

/// What a run was asked for.
struct RecordedRun: Sendable {
  let pipeline: String
  let targets: [String]
  let parameters: [String: JSON]
}

/// How a run ended.
enum RunOutcome: Sendable {
  case finished(RunSummary)
  /// It did not come to its end: what stopped it, and what had become of it until then.
  case stopped(any Error, soFar: RunSummary)
}
