import Actions
import JSON
import Runs

/// The course of runs in the trace-event format that Perfetto and Chrome's `about:tracing` show: a lane for each place in
/// which stages run side by side. It is written as it happens; what is there when brake is killed can be read, too.
///
/// Format: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
struct TraceLog: RunRecorder {
  private let file: LineFile
  private var events = TraceEvents()
  private var isEmpty = true

  init(_ file: LineFile) { self.file = file }

  mutating func begin(_ run: RecordedRun, at moment: Moment) { write(events.begin(run, at: moment)) }
  mutating func take(_ event: RunEvent, at moment: Moment) { write(events.take(event, at: moment)) }
  mutating func end(_ outcome: RunOutcome, at moment: Moment) { write(events.end(at: moment)) }

  mutating func close() { file.write(isEmpty ? "[]\n" : "\n]\n") }

  private mutating func write(_ events: [JSON]) {
    for event in events {
      file.write((isEmpty ? "[\n" : ",\n") + event.canonical)
      isEmpty = false
    }
  }
}
