internal import Synchronization
internal import System

/// What stands between a file and its place in a store: the folder in which it is written, and the folders that it goes
/// into.
final class Intake: Sendable {
  private let root: String
  private let files: any FileSystem
  private let state = Mutex(State())

  private struct State {
    var folder: ProcessFolder?
    /// Folders of which this process knows that they are there and that their parents' entries are durable.
    var durable: Set<String> = []
    /// Folders of the store of which it is durable that they are there, and which folders they held.
    var settled: Set<String> = []
    /// What they held then, and the store itself. It has not been checked whose that is.
    var shelves: Set<String> = []
  }

  init(root: String, files: any FileSystem) {
    self.root = root
    self.files = files
  }

  /// The folder in `tmp/` that is this store's own. Before the first write it is made, and with it whatever a store needs.
  func folder() throws -> ProcessFolder {
    try state.withLock { state in
      if let folder = state.folder { return folder }
      let store = StoreFolder(root: root, files: files)
      try store.make()
      let temporary = root + "/tmp"
      for folder in try makeFolders(temporary) { try files.synchronise(folder) }
      try files.checkOwnFolder(temporary)
      let folder = try ProcessFolder(in: temporary, files: files)
      state.folder = folder
      return folder
    }
  }

  func makeFolders(_ path: String) throws(Failure) -> [String] {
    let changed = try files.makeFolders(path)
    if changed.isEmpty { return [] }
    guard let top = try files.status(root), top.givesGroup, top.isGroupWritable else { return changed }
    var folder = path
    for _ in changed where folder.utf8.count > root.utf8.count {
      // One that another user has made at the same time is theirs to open.
      try? files.setMode(folder, to: 0o2775)
      folder = parentFolder(of: folder)
    }
    return changed
  }

  func prepareFolder(for path: String) throws(Failure) -> [String] {
    let folder = parentFolder(of: path)
    if state.withLock({ $0.durable.contains(folder) }) { return [] }
    let changed = try makeFolders(folder)
    try files.checkOwnFolder(folder)
    if !changed.isEmpty { return changed }
    // It may have been made by a process that died before it synchronised the folder above.
    return state.withLock { $0.shelves.contains(folder) } ? [] : [parentFolder(of: folder)]
  }

  /// Makes a folder of the store, and durable that it is there and which folders it holds, the first time that this is asked: so these
  /// need one flush and not each its own.
  func settle(_ folder: String) throws(Failure) {
    if state.withLock({ $0.settled.contains(folder) }) { return }
    // Whoever has made it: who finds it there later on takes it for durable.
    _ = try makeFolders(folder)
    try files.checkOwnFolder(folder)
    if !state.withLock({ $0.shelves.contains(folder) }) { try noteShelves(in: parentFolder(of: folder)) }
    try noteShelves(in: folder)
    state.withLock { _ = $0.settled.insert(folder) }
  }

  /// What comes after it was listed may not be durable when it is synchronised.
  private func noteShelves(in folder: String) throws(Failure) {
    let shelves = try files.names(in: folder).map { "\(folder)/\($0)" }
    try files.synchronise(folder)
    state.withLock { $0.shelves.formUnion(shelves) }
  }

  func noteDurable(_ folders: some Sequence<String>) {
    state.withLock { $0.durable.formUnion(folders) }
  }
}
