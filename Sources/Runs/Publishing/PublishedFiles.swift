import Artefacts
import JSON
import Pipeline
import Synchronization
import System

/// What brake has put where in one workspace, so that it can tell its own files from those that somebody added or
/// changed, and whether it replaces what a run with other parameters made.
///
/// It is kept in the store's `index/`, one file a workspace, and like all there can be lost: what it does not know of is
/// taken for somebody else's and kept. Each line is a JSON array, and the last one of a path counts:
///
///     ["folder", PATH]                          the workspace, which the other paths are relative to
///     ["parameters", ID, {NAME: VALUE, ...}]    the parameters of a run
///     ["file", PATH, DIGEST, ID]                what that run is about to put there
///     ["gone", PATH]                            it is no longer brake's
final class PublishedFiles: Sendable {
  struct Entry {
    let digest: Digest
    /// What tells runs with other parameters apart.
    let run: String
  }

  private struct State {
    var entries: [String: Entry] = [:]
    var parameters: [String: [String: JSON]] = [:]
    /// The workspace, absolute; nil in a file of an earlier brake.
    var folder: String?
    var isLoaded = false
  }

  private let path: String
  /// The workspace; nil if it is what the file says.
  private let folder: String?
  private let store: Store
  private let state = Mutex(State())
  private static let limit = 64 << 20

  init(store: Store, root: String) {
    self.store = store
    let name = (try? store.files.realPath(root)) ?? root
    folder = name
    path = "\(store.root)/index/published-\(Digest(of: Array(name.utf8)).hex.prefix(16))"
  }

  private init(store: Store, path: String) {
    self.store = store
    self.path = path
    folder = nil
  }

  private var files: any FileSystem { store.files }

  /// What is published from a store in any workspace, as far as it is known and anything still stands there.
  /// - Throws: if a file cannot be read that says so.
  static func digests(of store: Store) throws -> Set<Digest> {
    let index = store.root + "/index"
    guard try store.files.entry(index)?.isFolder == true else { return [] }
    let names = try store.files.names(in: index).filter { $0.hasPrefix("published-") && $0.utf8.count == 26 }
    return try names.reduce(into: []) { all, name in
      _ = try store.files.contents(of: "\(index)/\(name)", limit: limit)
      let known = PublishedFiles(store: store, path: "\(index)/\(name)")
      let (folder, entries) = known.loaded { ($0.folder, $0.entries) }
      for (path, entry) in entries {
        if let folder, hasGone("\(folder)/\(path)", store.files) { continue }
        all.insert(entry.digest)
      }
    }
  }

  /// Where nobody can look, something may stand.
  private static func hasGone(_ path: String, _ files: any FileSystem) -> Bool {
    do { return try files.entry(path) == nil } catch { return error.code == .notFound }
  }

  subscript(path: String) -> Entry? { loaded { $0.entries[path] } }

  func parameters(of run: String) -> [String: JSON]? { loaded { $0.parameters[run] } }

  /// The name under which entries refer to parameters.
  static func run(_ parameters: [String: JSON]) -> String {
    String(Digest(of: JSON.object(parameters).canonicalBytes).hex.prefix(16))
  }

  /// Says what is about to be put at a path: whatever happens then, nothing of anybody else's is called brake's.
  func note(_ digest: Digest, at path: String, by run: String, with parameters: [String: JSON]) {
    loaded { state in
      var lines: [JSON] = []
      if let folder, state.folder != folder {
        state.folder = folder
        lines.append(["folder", .string(folder)])
      }
      if state.parameters.updateValue(parameters, forKey: run) == nil {
        lines.append(["parameters", .string(run), .object(parameters)])
      }
      if let entry = state.entries[path], entry.digest == digest, entry.run == run, lines.isEmpty { return }
      state.entries[path] = Entry(digest: digest, run: run)
      lines.append(["file", .string(path), .string(digest.description), .string(run)])
      append(lines)
    }
  }

  /// Says that what stands at a path, if anything, is not brake's any more.
  func forget(_ path: String) {
    loaded { state in
      if state.entries.removeValue(forKey: path) != nil { append([["gone", .string(path)]]) }
    }
  }

  // MARK: The file

  private func append(_ lines: [JSON]) {
    let bytes = lines.flatMap { $0.canonicalBytes + [UInt8(ascii: "\n")] }
    _ = try? store.makeFolders(parentFolder(of: path))
    try? files.write(bytes, to: path, .appending)
  }

  private func loaded<Result>(_ body: (inout State) -> Result) -> Result {
    state.withLock { state in
      if !state.isLoaded {
        state.isLoaded = true
        load(&state)
      }
      return body(&state)
    }
  }

  private func load(_ state: inout State) {
    guard let bytes = try? files.contents(of: path, limit: PublishedFiles.limit) else {
      // Too large to be read is too large to be kept.
      if let status = try? files.entry(path), status.size > PublishedFiles.limit { try? files.remove(path) }
      return
    }
    let count = bytes.withUnsafeBytes { PublishedFiles.read($0, into: &state) }
    if count > 2 * state.entries.count + 1000 { rewrite(&state) }
  }

  /// - Returns: how many lines there are.
  private static func read(_ bytes: UnsafeRawBufferPointer, into state: inout State) -> Int {
    var lines = PublishedLines(bytes)
    var count = 0
    state.entries.reserveCapacity(bytes.count / PublishedLines.usualLength)
    while let line = lines.next() {
      count += 1
      if let (path, digest, run) = lines.plainFile(line) {
        state.entries[path] = Entry(digest: digest, run: run)
        continue
      }
      // A line that was cut short by a crash is no line.
      guard let parts = (try? JSON(parsing: Array(line)))?.array, let kind = parts.first?.string else {
        continue
      }
      switch (kind, parts.count) {
      case ("parameters", 3):
        if let run = parts[1].string, let values = parts[2].object { state.parameters[run] = values }
      case ("file", 4):
        if let path = parts[1].string, let digest = Digest(parts[2].string ?? ""), let run = parts[3].string {
          state.entries[path] = Entry(digest: digest, run: run)
        }
      case ("folder", 2): state.folder = parts[1].string
      case ("gone", 2):
        if let path = parts[1].string { state.entries[path] = nil }
      default: break
      }
    }
    return count
  }

  /// Leaves out the lines that no longer count.
  private func rewrite(_ state: inout State) {
    let used = Set(state.entries.values.map(\.run))
    state.parameters = state.parameters.filter { used.contains($0.key) }
    let lines =
      (state.folder.map { [JSON.array(["folder", .string($0)])] } ?? [])
      + state.parameters.map { JSON.array(["parameters", .string($0), .object($1)]) }
      + state.entries.map {
        JSON.array(["file", .string($0), .string($1.digest.description), .string($1.run)])
      }
    let next = "\(path).\(Machine.process)"
    do {
      try files.write(lines.flatMap { $0.canonicalBytes + [UInt8(ascii: "\n")] }, to: next)
      try files.rename(next, to: path)
    } catch {
      try? files.remove(next)
    }
  }
}
