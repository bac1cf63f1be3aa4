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
    // It may have been made by a process that died before it synchronised the folder above.
    return changed.isEmpty ? [parentFolder(of: folder)] : changed
  }

  func noteDurable(_ folders: some Sequence<String>) {
    state.withLock { $0.durable.formUnion(folders) }
  }
}
