internal import Synchronization

/// Tells whether a file was written so long ago that writing it again gives it a new time stamp.
///
/// Stamps are of the clock of the file system that gave them, which may be a server's and differ from ours by hours, and
/// ours may have been set in between. So they are compared with a time of the same clock only:
/// - of the file system on which there is a folder of ours, by the stamp of a file that is made there at that moment;
/// - of another file system of this machine, by the clock of its kernel, which gives the stamps;
/// - of any other, by the newest stamp that it has shown: what is not older than that is not settled.
/// How long ago something was is measured by the monotonic clock. Where nothing is known, nothing is settled, and files
/// are read again.
package final class FileClock: Sendable {
  /// A moment of this machine's monotonic clock, in nanoseconds.
  package typealias Moment = Int64

  private enum Kind {
    case own, ofKernel, foreign
  }

  private struct State {
    var kinds: [UInt64: Kind] = [:]
    /// By device, the newest stamp of a foreign file system, and when it was seen.
    var newest: [UInt64: (stamp: Int64, moment: Moment)] = [:]
    /// A stamp of the folder's file system, and when it was given.
    var probe: (stamp: Int64, moment: Moment)?
  }

  private let files: any FileSystem
  private let folder: String
  private let newPath: @Sendable () -> String?
  private let state = Mutex(State())
  private let now: @Sendable () -> Moment
  private let realTime: @Sendable () -> Int64

  /// - Parameters:
  ///   - folder: what is on its file system is compared with a file that is made there.
  ///   - newPath: a name in it that nothing has; nil while nothing may be made there.
  package init(
    files: any FileSystem, folder: String, newPath: @escaping @Sendable () -> String?,
    now: @escaping @Sendable () -> Moment = { SystemTime.monotonic() },
    realTime: @escaping @Sendable () -> Int64 = { SystemTime.real() }
  ) {
    self.files = files
    self.folder = folder
    self.newPath = newPath
    self.now = now
    self.realTime = realTime
  }

  /// The moment to ask about later.
  package func moment() -> Moment { now() }

  /// Whether a write after the moment gives the file another stamp than it has.
  package func isSettled(_ status: FileStatus, at path: String, since moment: Moment) -> Bool {
    let second: Int64 = 1_000_000_000
    let isFine = status.modified % second != 0 || status.changed % second != 0
    let grain = isFine ? second / 50 : 2 * second
    let stamp = max(status.modified, status.changed)
    guard let time = time(of: status, at: path, moment) else { return false }
    let (limit, overflow) = time.subtractingReportingOverflow(grain)
    return !overflow && stamp < limit
  }

  /// What the clock that gave the stamps showed at a moment, or earlier.
  private func time(of status: FileStatus, at path: String, _ moment: Moment) -> Int64? {
    state.withLock { state in
      let kind = state.kinds[status.device] ?? kind(of: status.device, at: path)
      state.kinds[status.device] = kind
      switch kind {
      case .own:
        // Not an old one: the clock may have been set since.
        if state.probe.map({ (now() &- $0.moment).magnitude > 1_000_000_000 }) ?? true {
          state.probe = probe()
        }
        return state.probe.map { $0.stamp &+ (moment &- $0.moment) }
      case .ofKernel:
        return realTime() &+ (moment &- now())
      case .foreign:
        let known = state.newest[status.device]
        let stamp = max(status.modified, status.changed)
        if known.map({ stamp > $0.stamp }) ?? true { state.newest[status.device] = (stamp, now()) }
        return known.flatMap { $0.moment <= moment ? $0.stamp : nil }
      }
    }
  }

  private func kind(of device: UInt64, at path: String) -> Kind {
    if let folder = try? files.status(folder), folder.device == device, probe() != nil { return .own }
    guard let file = try? files.open(path) else { return .foreign }
    defer { try? files.close(file, path: path) }
    return LifeSign.isLocal(file) ? .ofKernel : .foreign
  }

  /// The stamp that a new file gets.
  private func probe() -> (stamp: Int64, moment: Moment)? {
    guard let path = newPath(), let file = try? files.create(path, mode: 0o600) else { return nil }
    let status = try? files.status(of: file, path: path)
    // After the stamp was given, so that the time told for any other moment is not too late.
    let moment = now()
    try? files.close(file, path: path)
    try? files.remove(path)
    return status.map { (max($0.modified, $0.changed), moment) }
  }
}
