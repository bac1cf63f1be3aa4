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
      for folder in try files.makeFolders(temporary) { try files.synchronise(folder) }
      try files.checkOwnFolder(temporary)
      let folder = try ProcessFolder(in: temporary, files: files)
      state.folder = folder
      return folder
    }
  }

  func prepareFolder(for path: String) throws(Failure) -> [String] {
    let folder = parentFolder(of: path)
    if state.withLock({ $0.durable.contains(folder) }) { return [] }
    let changed = try files.makeFolders(folder)
    try files.checkOwnFolder(folder)
    // It may have been made by a process that died before it synchronised the folder above.
    return changed.isEmpty ? [parentFolder(of: folder)] : changed
  }

  func noteDurable(_ folders: some Sequence<String>) {
    state.withLock { $0.durable.formUnion(folders) }
  }
}
