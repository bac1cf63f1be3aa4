import Actions
import Artefacts
import JSON
import Pipeline
import Synchronization
import System

/// What failed actions left behind, in the store's `failed/`: the files that a command had written, which may be hours of
/// work, and what it had printed. Failures have no record that could keep them.
///
///     failed/1a2b3c4d5e6f-1/work/    what a command had written, without its inputs
///                           out/     what an operation had written
///                           log      what was printed
///                           about    the action's key, the stage, which run's it was, and whether it was stopped and did not fail
///
/// The newest few are kept, and those of an action until it succeeds. What was stopped takes the place of nothing that failed.
final class FailedActions: Sendable {
  struct Entry: Sendable {
    let folder: String
    fileprivate let files: any FileSystem
    let key: Digest
    let line: String
    /// Whether it was stopped, as by Ctrl-C, and did not fail.
    let isStopped: Bool

    var log: String { folder + "/log" }
    /// The folder with what had been written; nil if nothing had been.
    var work: String? {
      ["work", "out"].map { "\(folder)/\($0)" }.first { (try? files.entry($0))?.isFolder == true }
    }
  }

  private let folder: String
  private let store: Store
  /// What tells this command line from others with other parameters, whose failures are none of its business.
  private let request: String
  /// Oldest first; nil before the folder was looked at.
  private let known = Mutex<[Entry]?>(nil)

  private var files: any FileSystem { store.files }

  /// How many are kept in all, and of one action: so many that failed, and so many that were stopped.
  private static let most = 8
  private static let mostOfOne = 3

  /// - Parameter request: the pipeline, its root and the parameters that were given.
  init(store: Store, request: JSON) {
    folder = store.root + "/failed"
    self.store = store
    self.request = Digest(of: request.canonicalBytes).short
  }

  /// The newest failure of an action, or else of the same stage under the same command line.
  func latest(of action: Action) -> Entry? {
    known.withLock { known in
      let all = load(&known)
      return all.last { $0.key == action.key } ?? all.last { $0.line == line(action) }
    }
  }

  /// The newest failure of just this action since it last succeeded.
  func latest(ofKey key: Digest) -> Entry? {
    known.withLock { known in load(&known).last { $0.key == key } }
  }

  /// Takes what an action left out of its scratch folder.
  ///
  /// - Parameters:
  ///   - isStopped: whether it was stopped, and did not fail.
  ///   - always: even if there is nothing but what it printed.
  func keep(_ scratch: Scratch, of action: Action, isStopped: Bool, always: Bool) -> Entry? {
    // Inputs can be had again from where they came from.
    for member in action.inputs.flatMap(\.members) { files.removeAll("\(scratch.work)/\(member.place)") }
    if !always && isEmpty(scratch.work) && isEmpty(scratch.out) { return nil }
    return known.withLock { known in
      var all = load(&known)
      defer { known = all }
      guard
        let failure = begin(
          action, isStopped, behind: all.compactMap { FailedActions.number(of: $0.folder) }.max() ?? 0)
      else { return nil }
      for (path, name) in [(scratch.work, "work"), (scratch.out, "out")] where !isEmpty(path) {
        // A folder that cannot be written to cannot be moved to another one.
        try? files.setMode(path, to: 0o700)
        try? files.rename(path, to: "\(failure.folder)/\(name)")
      }
      LongLog.shorten(scratch.log, files: files)
      // An empty log is kept too: it says that the action failed without a word.
      do { try files.rename(scratch.log, to: failure.log) } catch { try? files.write([], to: failure.log) }
      all.append(failure)
      evict(&all, behind: failure)
      return failure
    }
  }

  /// Makes a folder that no other process has, with what says whose it is.
  /// - Parameter last: the number of the newest that is known. Another process may have made more since.
  private func begin(_ action: Action, _ isStopped: Bool, behind last: Int) -> Entry? {
    for number in last + 1...last + FailedActions.attempts {
      let failure = Entry(
        folder: "\(folder)/\(action.key.short)-\(number)", files: files, key: action.key, line: line(action),
        isStopped: isStopped)
      let about: JSON = [
        "key": .string(action.key.hex), "line": .string(failure.line), "stopped": .bool(isStopped),
      ]
      do {
        let temporary = try store.temporaryPath()
        try files.write(about.canonicalBytes, to: temporary)
        defer { if (try? files.entry(temporary)) ?? nil != nil { try? files.remove(temporary) } }
        try store.makeFolders(failure.folder)
        if try files.renameIfAbsent(temporary, to: failure.folder + "/about") { return failure }
      } catch {
        return nil
      }
    }
    return nil
  }

  /// Processes that fail at the same action at once are few.
  private static let attempts = 64

  /// The last part of a folder's name; nil for what was not made here.
  private static func number(of folder: String) -> Int? {
    folder.split(separator: "-").last.flatMap { Int($0) }.flatMap { 1..<1 << 40 ~= $0 ? $0 : nil }
  }

  /// An action has succeeded: what its failures had left is not wanted any more.
  func forget(_ action: Action) {
    known.withLock { known in
      var all = load(&known)
      if all.isEmpty { return }
      all.removeAll { failure in
        guard failure.key == action.key || failure.line == line(action) else { return false }
        files.removeAll(failure.folder)
        return true
      }
      known = all
    }
  }

  /// Makes room for the newest entry, which stands last, among those that ended as it did.
  private func evict(_ all: inout [Entry], behind newest: Entry) {
    func evict(_ most: Int, _ isMeant: (Entry) -> Bool) {
      while all.count(where: isMeant) > most {
        // Those that left nothing but a log go first.
        let index =
          all.dropLast().firstIndex { isMeant($0) && $0.work == nil } ?? all.firstIndex(where: isMeant)!
        files.removeAll(all[index].folder)
        all.remove(at: index)
      }
    }
    evict(FailedActions.mostOfOne) { $0.isStopped == newest.isStopped && $0.key == newest.key }
    evict(FailedActions.most) { $0.isStopped == newest.isStopped }
  }

  private func line(_ action: Action) -> String { "\(request) \(action.name)" }

  private func load(_ known: inout [Entry]?) -> [Entry] {
    if let known { return known }
    let failures = ((try? files.names(in: folder)) ?? []).compactMap { name -> (Int, Entry)? in
      guard (try? files.entry("\(folder)/\(name)"))?.isFolder == true,
        let number = FailedActions.number(of: name),
        let about = try? files.contents(of: "\(folder)/\(name)/about", limit: 1 << 16),
        let json = try? JSON(parsing: about),
        let key = json["key"]?.string.flatMap({ Digest($0) }), let line = json["line"]?.string
      else { return nil }
      let entry = Entry(
        folder: "\(folder)/\(name)", files: files, key: key, line: line,
        isStopped: json["stopped"]?.bool == true)
      return (number, entry)
    }
    let sorted = failures.sorted { $0.0 < $1.0 }.map(\.1)
    known = sorted
    return sorted
  }

  /// Whether a folder holds no file, however deep.
  private func isEmpty(_ path: String) -> Bool {
    // What cannot be listed, such as names that are no text, is something.
    do {
      return try files.entry(path) == nil
        || files.names(in: path).allSatisfy {
          try files.entry("\(path)/\($0)")?.isFolder == true && isEmpty("\(path)/\($0)")
        }
    } catch {
      return false
    }
  }
}
