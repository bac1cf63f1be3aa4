import Runs
import Synchronization

/// All that writes down the course of runs, told of events from whichever thread they come.
final class RunRecorders: Sendable {
  private let recorders: Mutex<[any RunRecorder]>

  init(_ recorders: [any RunRecorder]) { self.recorders = Mutex(recorders) }

  /// - Parameters:
  ///   - events: a file for lines of JSON.
  ///   - trace: a file in the trace-event format.
  /// - Throws: if one of them cannot be opened.
  convenience init(events: String?, trace: String?) throws {
    var recorders: [any RunRecorder] = []
    if let events { recorders.append(EventLog(try LineFile(events))) }
    if let trace { recorders.append(TraceLog(try LineFile(trace))) }
    self.init(recorders)
  }

  var isEmpty: Bool { recorders.withLock(\.isEmpty) }

  func begin(_ run: RecordedRun) { each { $0.begin(run, at: $1) } }
  func take(_ event: RunEvent) { each { $0.take(event, at: $1) } }
  func end(_ outcome: RunOutcome) { each { $0.end(outcome, at: $1) } }
  func close() { each { recorder, _ in recorder.close() } }

  private func each(_ body: (inout any RunRecorder, Moment) -> Void) {
    recorders.withLock { recorders in
      if recorders.isEmpty { return }
      let moment = Moment.now()
      for index in recorders.indices { body(&recorders[index], moment) }
    }
  }
}
