package import Artefacts
import JSON
import Pipeline
import Synchronization
import System

/// The actions that a run needs, in a file of the store's `runs/`, so that whoever collects what is not needed knows them. What the last
/// runs of a pipeline need is kept.
///
///     runs/PIPELINE/NAME.open    of a run that goes on, or was killed: the next collection ends it (`RunLists.endLeft`)
///     runs/PIPELINE/NAME         of one that has; called by the SHA-256 of its keys, so that equal runs have one
///
/// `PIPELINE` are the first 16 digits of the SHA-256 of the workspace's path and the pipeline's. The first line of a file is a JSON
/// object that says what these are, and which process made it; each other is the key of an action.
final class RunList: Sendable {
  private struct State {
    var keys: Set<Digest> = []
    /// Whether the file was begun.
    var path: String?
    /// Nothing can be written.
    var isOff = false
    /// A write failed, and nobody knows what of it is there.
    var isTorn = false
  }

  private let store: Store
  private let identity: [String: JSON]
  private let folder: String
  private let state = Mutex(State())

  init(of engine: Engine) {
    store = engine.store
    let root = (try? store.files.realPath(engine.root)) ?? engine.root
    identity = ["folder": .string(root), "pipeline": .string(engine.source.path)]
    let digest = Digest(of: JSON.object(identity).canonicalBytes)
    folder = "\(store.root)/runs/\(digest.hex.prefix(RunList.folderLength))"
  }

  /// Says that actions are needed, before their records are looked for. A store that cannot be written to is not
  /// collected either.
  func add(_ keys: [Digest]) {
    state.withLock { state in
      let new = keys.filter { !state.keys.contains($0) }
      if state.isOff || new.isEmpty { return }
      do {
        // What a write that failed has left is a line of its own, and none.
        var bytes = [UInt8(ascii: "\n")]
        if state.path == nil {
          guard try store.files.status(store.root + "/format") != nil else { return state.isOff = true }
          for changed in try store.makeFolders(folder) { try store.files.synchronise(changed) }
          try store.files.checkOwnFolder(folder)
          let heading = identity.merging(["owner": .string(try store.processName())]) { $1 }
          bytes = JSON.object(heading).canonicalBytes + bytes
        }
        if let path = state.path, try store.files.entry(path) == nil {
          // Somebody took this process for one that has ended, as one that slept for long elsewhere, and has ended its list.
          return state.isOff = true
        }
        let path = state.path ?? "\(folder)/\(ProcessFolder.randomName()).open"
        try store.files.write(bytes + DigestList.bytes(new), to: path, .appending)
        state.path = path
        state.keys.formUnion(new)
      } catch let error as Failure where error.isForbidden {
        state.isOff = true
      } catch {
        // On a full disk it is tried again with the next ones.
        state.isTorn = true
      }
    }
  }

  /// The run has come to its end: its list survives a power cut. One of the same keys becomes the newest instead.
  /// - Returns: what the list is called in `runs/`; nil if there is none.
  @discardableResult func finish() -> String? {
    let name = state.withLock { state -> String? in
      // One that is torn stays as of a run that goes on.
      guard let path = state.path, !state.isOff, !state.isTorn else { return nil }
      let name = Digest(of: DigestList.bytes(state.keys.sorted())).hex
      defer { state = State(isOff: true) }
      do { try end(path, as: "\(folder)/\(name)") } catch { return nil }
      return "\(folder.suffix(RunList.folderLength))/\(name)"
    }
    let ended = ((try? RunLists(of: store).lists(in: folder)) ?? []).filter { !$0.isOpen }
    for list in ended.dropFirst(KeepingRules.mostRuns) { try? store.files.remove(list.path) }
    return name
  }

  private func end(_ path: String, as target: String) throws(Failure) {
    let files = store.files
    // Lists of the same keys differ in their order alone.
    let size = try files.entry(path)?.size
    if let known = try files.entry(target), known.isFile, known.size == size,
      (try? RunLists(of: store).isWhole(target)) == true
    {
      // Its first byte is written again: that makes it the newest, and it is whole all the time.
      try files.write([UInt8(ascii: "{")], to: target, .changing)
      // Unless somebody has removed it in this moment.
      if try files.entry(target)?.size == size { return try files.remove(path) }
    }
    try files.synchronise(path)
    try files.rename(path, to: target)
    try files.synchronise(folder)
  }

  /// Digits of the name of a pipeline's folder.
  private static let folderLength = 16
}

/// The lists of all runs of a store.
package struct RunLists {
  struct List {
    let path: String
    /// When it was last written to, by the clock of the store's file system.
    let modified: Int64
    /// Whether the run has not come to its end, or was killed.
    let isOpen: Bool

    /// What it is called in `runs/`.
    var name: String { path.split(separator: "/").suffix(2).joined(separator: "/") }
  }

  /// A pipeline in a workspace.
  struct Pipeline {
    let folder: String
    let pipeline: String
    /// The newest first.
    let lists: [List]
  }

  let store: Store

  package init(of store: Store) { self.store = store }

  var files: any FileSystem { store.files }

  /// - Throws: if one cannot be read.
  func pipelines() throws -> [Pipeline] {
    let folder = store.root + "/runs"
    guard try files.entry(folder)?.isFolder == true else { return [] }
    return try files.names(in: folder).compactMap { name in
      guard try files.entry("\(folder)/\(name)")?.isFolder == true else { return nil }
      let lists = try lists(in: "\(folder)/\(name)")
      guard let newest = lists.first else { return nil }
      let identity = try heading(of: newest)
      return Pipeline(
        folder: identity?["folder"]?.string ?? "?", pipeline: identity?["pipeline"]?.string ?? "?",
        lists: lists
      )
    }
  }

  /// The newest first.
  func lists(in folder: String) throws -> [List] {
    let lists = try files.names(in: folder).compactMap { name -> List? in
      let isOpen = name.hasSuffix(".open") && ProcessFolder.isRandomName(name.dropLast(5))
      guard isOpen || Digest(name) != nil, let status = try files.entry("\(folder)/\(name)"), status.isFile
      else { return nil }
      return List(path: "\(folder)/\(name)", modified: status.modified, isOpen: isOpen)
    }
    return lists.sorted { ($1.modified, $0.path) < ($0.modified, $1.path) }
  }

  private func heading(of list: List) throws -> JSON? {
    guard let file = try InputFile.ifPresent(list.path, followingLinks: false, files: files) else {
      return nil
    }
    let start = try file.bytes(at: 0, count: min(file.size, RunLists.longestHeading))
    return try? JSON(parsing: Array(start.prefix { $0 != UInt8(ascii: "\n") }))
  }

  private static let longestHeading = 64 << 10

  /// The folder in `tmp/` of the process whose run it is; nil where nobody has said so.
  func owner(of list: List) throws -> String? {
    try heading(of: list)?["owner"]?.string.flatMap { ProcessFolder.isRandomName($0[...]) ? $0 : nil }
  }

  /// - Throws: `.damaged` if they are not those that the list is called after.
  func keys(of list: List) throws -> Set<Digest> {
    let keys = Set(DigestList.digests(try contents(list)))
    let name = list.path.split(separator: "/").last.map(String.init) ?? ""
    if !list.isOpen, Digest(of: DigestList.bytes(keys.sorted())).hex != name,
      try files.entry(list.path) != nil
    {
      throw Failure(
        .damaged, "the list of what a run needed is damaged: \(list.path)",
        hint:
          "'brake verify' moves it to quarantine/; what only that run needed then goes with the next 'brake gc'"
      )
    }
    return keys
  }

  /// Whether a list of a run that has ended has the keys that it is called after.
  func isWhole(_ path: String) throws -> Bool {
    do { _ = try keys(of: List(path: path, modified: 0, isOpen: false)) } catch let error as Failure
      where error.code == .damaged
    {
      return false
    }
    return true
  }

  /// Checks every list that can be checked: those of runs that have come to their end.
  /// - Parameter check: called with each list's path and a check, which moves a damaged one to `quarantine/` and throws.
  package func verify(_ check: (String, () throws -> Void) -> Void) throws {
    for list in try pipelines().flatMap(\.lists) where !list.isOpen {
      check(list.path) {
        let status = try files.entry(list.path)
        do { _ = try keys(of: list) } catch let error as Failure {
          guard error.code == .damaged, let status, let moved = store.quarantine(file: list.path, status)
          else { throw error }
          throw Failure(
            .damaged, "\(error.headline); it is now \(moved)", facts: error.facts,
            hint:
              "what only that run needed goes with the next 'brake gc'; 'brake run' of what it ran says it again",
            cause: error)
        }
      }
    }
  }

  /// Nothing if it has gone in the meantime.
  private func contents(_ list: List) throws -> [UInt8] {
    try files.contents(of: list.path, limit: DigestList.limit) ?? []
  }
}
