internal import Glibc
internal import Synchronization

/// The part of a store that is being written: its folders, and the names of files on their way into it.
final class Workspace: Sendable {
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
      try store.checkOwn(temporary)
      let folder = try ProcessFolder(in: temporary, files: files)
      state.folder = folder
      return folder
    }
  }

  func prepareFolder(for path: String) throws(ArtefactError) -> [String] {
    let folder = parentFolder(of: path)
    if state.withLock({ $0.durable.contains(folder) }) { return [] }
    let changed = try files.makeFolders(folder)
    try StoreFolder(root: root, files: files).checkOwn(folder)
    // It may have been made by a process that died before it synchronised the folder above.
    return changed.isEmpty ? [parentFolder(of: folder)] : changed
  }

  func noteDurable(_ folders: some Sequence<String>) {
    state.withLock { $0.durable.formUnion(folders) }
  }
}

enum Clock {
  /// Nanoseconds since 1970, as far as they fit.
  static func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
  }
}
