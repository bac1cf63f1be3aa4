import Artefacts
import Glibc
import JSON
import Pipeline
import Synchronization
import System

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
  /// It did not come to its end: what stopped it.
  case stopped(any Error)
}

/// A moment: by the clock on the wall, and by one that never jumps.
struct Moment: Sendable {
  /// UTC, `2026-11-21T14:03:05.123Z`.
  let text: String
  /// Nanoseconds since some moment in the past.
  let nanoseconds: Int

  static func now() -> Moment {
    let wall = Int(SystemTime.real())
    let second = SystemTime.utc(wall / 1_000_000_000).dropLast()
    let milliseconds = String(1000 + wall / 1_000_000 % 1000).dropFirst()
    return Moment(text: "\(second).\(milliseconds)Z", nanoseconds: Int(SystemTime.monotonic()))
  }

  /// Seconds from another moment to this one.
  func seconds(since start: Moment) -> Double { Double(nanoseconds - start.nanoseconds) / 1e9 }
}

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

/// A file that is written line by line, each line at once. A line that cannot be written ends it, with a word and without
/// harm to the run.
final class LineFile: Sendable {
  private let path: String
  private let file: Int32
  private let isBroken = Atomic(false)

  /// - Parameter path: a file, which is replaced; `-` for the standard output, `/dev/fd/3` for what is open there.
  init(_ path: String) throws {
    self.path = path
    if let number = LineFile.descriptor(path) {
      // Opened by its name a socket would be refused, and a file be written from its start.
      file = fcntl(number, F_DUPFD_CLOEXEC, 0)
    } else {
      file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    }
    if file < 0 { throw PipelineError(system: "write", path) }
  }

  deinit { close(file) }

  private static func descriptor(_ path: String) -> Int32? {
    if path == "-" || path == "/dev/stdout" { return STDOUT_FILENO }
    if path == "/dev/stderr" { return STDERR_FILENO }
    for prefix in ["/dev/fd/", "/proc/self/fd/"] where path.hasPrefix(prefix) {
      return Int32(path.dropFirst(prefix.count))
    }
    return nil
  }

  func write(_ text: String) {
    if isBroken.load(ordering: .relaxed) { return }
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else {
        isBroken.store(true, ordering: .relaxed)
        return Output.note(
          "warning: the run goes on, but '\(path)' gets no more of it: \(String(cString: strerror(errno)))")
      }
      rest = rest.dropFirst(count)
    }
  }
}
