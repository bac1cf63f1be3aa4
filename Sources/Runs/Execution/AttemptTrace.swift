import Actions
import Artefacts
import JSON
import Synchronization
import System

/// What an attempt took, and what it printed, kept beside what it has saved: who goes on from that goes on from an attempt that has its
/// part in what the action took.
///
///     failed/KEY-saved.spent    {"cpu_seconds":…,"peak_memory":…,"seconds":…} of all attempts so far
///     failed/KEY-saved.log      what those printed that have ended, one after the other
///     failed/KEY-saved.now      a second name of the log of the attempt that runs, which stays when brake is killed
final class AttemptTrace: Sendable {
  private let key: Digest
  private let store: Store
  private let notes: ActionNotes
  private let start = ContinuousClock.now
  /// What the attempts took before this one.
  private let earlier: Mutex<Effort?>
  private let log = Mutex<String?>(nil)
  private let pace = Mutex(Pace())

  static let suffixes = [".spent", ".log", ".now"]
  private static let mostPrinted = 8 << 20
  private static let stopped = "--- the attempt was stopped\n"

  /// - Parameters:
  ///   - notes: get what the attempt itself takes.
  ///   - earlier: what attempts before it took; nil for what stands beside what they saved, once this one is given that.
  init(of key: Digest, in store: Store, notes: ActionNotes, earlier: Effort?) {
    self.key = key
    self.store = store
    self.notes = notes
    self.earlier = Mutex(earlier)
  }

  private static func path(_ key: Digest, _ suffix: String, _ store: Store) -> String {
    "\(store.root)/failed/\(key.hex)-saved\(suffix)"
  }

  /// The attempt goes on from what earlier ones had saved.
  func resume() {
    earlier.withLock { earlier in
      guard earlier == nil,
        let bytes = try? store.files.contents(of: AttemptTrace.path(key, ".spent", store), limit: 1 << 16),
        let json = try? JSON(parsing: bytes)
      else { return }
      earlier = Effort(json)
    }
  }

  /// What all took so far; nil where this is the only one.
  var total: Effort? {
    guard let earlier = earlier.withLock({ $0 }) else { return nil }
    return earlier.adding(own)
  }

  private var own: Effort {
    var own = notes.effort ?? Effort()
    own.seconds = seconds(since: start)
    return own
  }

  /// What it prints is in this file.
  func prints(_ path: String) { log.withLock { $0 = path } }

  /// It has saved something.
  func hasSaved() {
    log.withLock { path in
      // Another time, if it cannot be done now.
      if let log = path, nameLog(log) { path = nil }
    }
    pace.withLock { pace in
      guard pace.isDue else { return }
      let start = ContinuousClock.now
      keepSpent()
      pace.ended(since: start)
    }
  }

  /// Gives the log the name by which it is found once brake is killed, in place of what may be there of an attempt long ago.
  /// - Returns: whether it has it.
  private func nameLog(_ log: String) -> Bool {
    let name = AttemptTrace.path(key, ".now", store)
    do {
      if try store.files.entry(name) != nil { try store.files.remove(name) }
      return try store.files.link(log, to: name)
    } catch {
      return false
    }
  }

  /// It has ended, and another may go on from what is saved.
  /// - Parameter printed: by all attempts so far.
  /// - Returns: what all took.
  @discardableResult func end(printed: [UInt8]? = nil) -> Effort {
    guard SavedFiles(store: store).hasSaved(key) else {
      AttemptTrace.forget(key, in: store)
      return total ?? own
    }
    keepSpent()
    if let printed {
      try? store.files.replace(
        AttemptTrace.path(key, ".log", store), with: printed.suffix(AttemptTrace.mostPrinted),
        by: store.temporaryPath())
    }
    try? store.files.remove(AttemptTrace.path(key, ".now", store))
    return total ?? own
  }

  private func keepSpent() {
    let json = JSON.object((total ?? own).members)
    try? store.files.replace(
      AttemptTrace.path(key, ".spent", store), with: json.canonicalBytes, by: store.temporaryPath())
  }

  /// Nothing that attempts have saved is there any more, or nobody wants it.
  static func forget(_ key: Digest, in store: Store) {
    for path in suffixes.map({ path(key, $0, store) }) where (try? store.files.entry(path)) ?? nil != nil {
      store.files.removeAll(path)
    }
  }

  // MARK: What was printed

  /// The logs of attempts that saved something, the earlier ones first.
  /// - Returns: those that are there.
  static func logs(of key: Digest, in store: Store) -> [String] {
    [".log", ".now"].map { path(key, $0, store) }.filter { (try? store.files.entry($0))?.isFile == true }
  }

  /// Whether an attempt that saved something was killed with brake.
  static func wasKilled(_ key: Digest, in store: Store) -> Bool {
    (try? store.files.entry(path(key, ".now", store)))?.isFile == true
  }

  /// What attempts printed that saved something, up to now.
  static func printed(of key: Digest, in store: Store) -> [UInt8] {
    logs(of: key, in: store).reduce(into: []) { all, path in
      all += (try? store.files.end(of: path, limit: mostPrinted)) ?? []
      if all.last ?? UInt8(ascii: "\n") != UInt8(ascii: "\n") { all.append(UInt8(ascii: "\n")) }
      if path.hasSuffix(".now") { all += Array(stopped.utf8) }
    }
  }

  /// Takes what a killed attempt printed to what was printed before it.
  static func settle(_ key: Digest, in store: Store) {
    guard wasKilled(key, in: store) else { return }
    let printed = printed(of: key, in: store)
    do {
      try store.files.replace(
        path(key, ".log", store), with: printed.suffix(mostPrinted), by: store.temporaryPath())
      try store.files.remove(path(key, ".now", store))
    } catch {
      // It is tried again by the next attempt.
    }
  }
}
