import Artefacts
import Glibc
import JSON
import Synchronization
import System

/// What failed actions left behind, in the store's `failed/`: the files that a command had written, which may be hours of
/// work, and what it had printed. Failures have no record that could keep them.
///
///     failed/1a2b3c4d5e6f-1/work/    what a command had written, without its inputs
///                           out/     what an operation had written
///                           log      what was printed
///                           about    the action's key, the stage, and which run's it was
///
/// The newest few are kept, and those of an action until it succeeds.
final class FailedActions: Sendable {
  struct Failure: Sendable {
    let folder: String
    let key: Digest
    let line: String

    var log: String { folder + "/log" }
    /// The folder with what had been written; nil if nothing had been.
    var work: String? {
      ["work", "out"].map { "\(folder)/\($0)" }.first { (try? fileType($0)) == .folder }
    }
  }

  private let folder: String
  /// What tells this command line from others with other parameters, whose failures are none of its business.
  private let request: String
  /// Oldest first; nil before the folder was looked at.
  private let known = Mutex<[Failure]?>(nil)

  /// How many are kept in all, and of one action.
  private static let most = 8
  private static let mostOfOne = 3

  /// - Parameter request: the pipeline, its root and the parameters that were given.
  init(store: Store, request: JSON) {
    folder = store.root + "/failed"
    self.request = Digest(of: request.canonicalBytes).short
  }

  /// The newest failure of an action, or else of the same stage under the same command line.
  func latest(of action: Action) -> Failure? {
    known.withLock { known in
      let all = load(&known)
      return all.last { $0.key == action.key } ?? all.last { $0.line == line(action) }
    }
  }

  /// Takes what an action left out of its scratch folder.
  ///
  /// - Parameter always: even if there is nothing but what it printed.
  func keep(_ scratch: Scratch, of action: Action, always: Bool) -> Failure? {
    // Inputs can be had again from where they came from.
    for member in action.inputs.flatMap(\.members) { removeAll("\(scratch.work)/\(member.place)") }
    if !always && isEmpty(scratch.work) && isEmpty(scratch.out) { return nil }
    return known.withLock { known in
      var all = load(&known)
      defer { known = all }
      let number = (all.compactMap { Int($0.folder.split(separator: "-").last ?? "") }.max() ?? 0) + 1
      let failure = Failure(
        folder: "\(folder)/\(action.key.short)-\(number)", key: action.key, line: line(action))
      do {
        try makeFolders(failure.folder)
        let about: JSON = ["key": .string(action.key.hex), "line": .string(failure.line)]
        try write(about.canonicalBytes, to: failure.folder + "/about")
      } catch {
        removeAll(failure.folder)
        return nil
      }
      for (path, name) in [(scratch.work, "work"), (scratch.out, "out")] where !isEmpty(path) {
        // A folder that cannot be written to cannot be moved to another one.
        chmod(path, 0o700)
        _ = rename(path, "\(failure.folder)/\(name)")
      }
      LongLog.shorten(scratch.log)
      // An empty log is kept too: it says that the action failed without a word.
      if rename(scratch.log, failure.log) != 0 { try? write([], to: failure.log) }
      all.append(failure)
      evict(&all, of: action.key)
      return failure
    }
  }

  /// An action has succeeded: what its failures had left is not wanted any more.
  func forget(_ action: Action) {
    known.withLock { known in
      var all = load(&known)
      if all.isEmpty { return }
      all.removeAll { failure in
        guard failure.key == action.key || failure.line == line(action) else { return false }
        removeAll(failure.folder)
        return true
      }
      known = all
    }
  }

  private func evict(_ all: inout [Failure], of key: Digest) {
    func remove(_ index: Int) {
      removeAll(all[index].folder)
      all.remove(at: index)
    }
    // Those that left nothing but a log go first.
    while all.count(where: { $0.key == key }) > FailedActions.mostOfOne {
      remove(all.firstIndex { $0.key == key && $0.work == nil } ?? all.firstIndex { $0.key == key }!)
    }
    while all.count > FailedActions.most { remove(all.firstIndex { $0.work == nil } ?? 0) }
  }

  private func line(_ action: Action) -> String { "\(request) \(action.instance.name)" }

  private func load(_ known: inout [Failure]?) -> [Failure] {
    if let known { return known }
    let failures = ((try? names(in: folder)) ?? []).compactMap { name -> (Int, Failure)? in
      guard (try? fileType("\(folder)/\(name)")) == .folder,
        let number = Int(name.split(separator: "-").last ?? ""),
        let about = try? readSmall("\(folder)/\(name)/about", limit: 1 << 16),
        let json = try? JSON(parsing: about),
        let key = json["key"]?.string.flatMap({ Digest($0) }), let line = json["line"]?.string
      else { return nil }
      return (number, Failure(folder: "\(folder)/\(name)", key: key, line: line))
    }
    let sorted = failures.sorted { $0.0 < $1.0 }.map(\.1)
    known = sorted
    return sorted
  }

  /// Whether a folder holds no file, however deep.
  private func isEmpty(_ path: String) -> Bool {
    // What cannot be listed, such as names that are no text, is something.
    guard let entries = try? names(in: path) else { return (try? fileType(path)) == .some(nil) }
    return entries.allSatisfy {
      (try? fileType("\(path)/\($0)")) == .folder && isEmpty("\(path)/\($0)")
    }
  }
}

/// What a failed action printed, if that is more than anybody reads: its beginning and its end.
enum LongLog {
  private static let most = 32 << 20
  private static let beginning = 1 << 20

  static func shorten(_ path: String) {
    let size = fileSize(path)
    guard size > most else { return }
    let short = path + ".short"
    let from = open(path, O_RDONLY | O_CLOEXEC)
    guard from >= 0 else { return }
    defer { close(from) }
    let left = size - most
    do {
      try copy(from, 0..<beginning, to: short)
      try write(Array("\n... \(left) bytes are left out here ...\n".utf8), to: short, appending: true)
      try copy(from, size - (most - beginning)..<size, to: short)
    } catch {
      unlink(short)
      return
    }
    _ = rename(short, path)
  }

  private static func copy(_ from: Int32, _ range: Range<Int>, to path: String) throws {
    var offset = range.lowerBound
    var buffer = [UInt8](repeating: 0, count: 1 << 18)
    while offset < range.upperBound {
      let count = pread(from, &buffer, min(buffer.count, range.upperBound - offset), off_t(offset))
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { throw PipelineError(system: "read", path) }
      try write(Array(buffer[..<count]), to: path, appending: true)
      offset += count
    }
  }
}
