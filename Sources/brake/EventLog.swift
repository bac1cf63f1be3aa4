import Actions
import JSON
import Runs

/// The course of runs as lines of JSON, which `docs/events.md` describes.
struct EventLog: RunRecorder {
  private let file: LineFile
  private var lines = EventLines()

  init(_ file: LineFile) { self.file = file }

  mutating func begin(_ run: RecordedRun, at moment: Moment) { write(lines.begin(run, at: moment)) }
  mutating func take(_ event: RunEvent, at moment: Moment) { write(lines.take(event, at: moment)) }
  mutating func end(_ outcome: RunOutcome, at moment: Moment) { write(lines.end(outcome, at: moment)) }
  func close() {}

  private func write(_ lines: [JSON]) {
    for line in lines { file.write(line.canonical + "\n") }
  }
}
