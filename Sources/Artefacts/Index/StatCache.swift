internal import Glibc
internal import Synchronization
package import System

/// Digests of source files, remembered by device, inode, size, mtime and ctime.
///
/// A file that was written less than one tick of its file system's clock before it was read could be written again
/// without a new time stamp. Such a file is not remembered, and so is read again the next time.
public final class StatCache: Sendable {
  private let store: Store
  private let state: Mutex<State>
  package let clock: FileClock

  private struct State {
    var known: [FileStatus.Key: Artefact] = [:]
    /// Entries of the file that are not in `known` yet.
    var unread = UnreadEntries([])
    var learnt: [StatCacheEntry] = []
    /// What this process asked for or learnt.
    var used: Set<FileStatus.Key> = []
    /// Entries in the file, and whether some of it could not be read.
    var written = 0
    var damaged = false

    mutating func artefact(of file: FileStatus.Key) -> Artefact? {
      if let artefact = known[file] { return artefact }
      if unread.isSearchedOften { readAll() }
      return unread.isEmpty ? known[file] : unread.artefact(of: file)
    }

    mutating func readAll() {
      if unread.isEmpty { return }
      let (entries, isWhole) = unread.all()
      unread = UnreadEntries([])
      let read = Dictionary(entries.lazy.map { ($0.file, $0.artefact) }, uniquingKeysWith: { $1 })
      known = read.merging(known) { _, later in later }
      if !isWhole { damaged = true }
    }
  }

  /// Reads what the store's `index/` remembers. Anything malformed there is forgotten.
  public init(store: Store) {
    self.store = store
    clock = store.clock
    var state = State()
    let limit = 2 * StatCache.limit * StatCacheEntry.length
    let bytes: [UInt8]?
    do { bytes = try store.files.contents(of: StatCache.path(store), limit: limit) } catch {
      bytes = nil
      state.damaged = true
    }
    if let bytes {
      state.written = bytes.count / StatCacheEntry.length
      state.damaged = bytes.count % StatCacheEntry.length != 0
      state.unread = UnreadEntries(bytes)
      if state.written <= StatCache.few { state.readAll() }
    }
    self.state = Mutex(state)
  }

  /// The artefact that a file or folder is now. Does not store it.
  public func artefact(at path: String) throws -> Artefact { try artefact(at: path) { _, _, _ in } }

  /// The same, and tells of every file and folder that was looked at; of a file with what it is.
  package func artefact(
    at path: String, seeing: @escaping (_ path: String, FileStatus, Artefact?) -> Void
  ) throws -> Artefact {
    try FolderWalk(
      files: store.files,
      file: { path, status in
        if let artefact = self.remembered(status) {
          seeing(path, status, artefact)
          return artefact
        }
        let moment = self.clock.moment()
        let file = try InputFile(path, files: self.store.files)
        let artefact = try StatCache.artefact(of: file)
        self.remember(artefact, as: file.status, at: path, since: moment)
        seeing(path, file.status, artefact)
        return artefact
      },
      enter: { seeing($0, $1, nil) },
      manifest: { Digest(of: $0) }
    ).node(at: path)
  }

  /// The same, without remembering anything: of files that nobody but the caller knows.
  package static func artefact(reading path: String, files: any FileSystem) throws -> Artefact {
    try FolderWalk(
      files: files, file: { path, _ in try artefact(of: InputFile(path, files: files)) },
      manifest: { Digest(of: $0) }
    ).node(at: path)
  }

  /// Writes back what was learnt. That it cannot is no reason for anything to fail: what was learnt can be learnt again.
  public func save() throws {
    let (learnt, all) = state.withLock { state -> ([StatCacheEntry], [FileStatus.Key: Artefact]?) in
      let learnt = state.learnt
      state.learnt = []
      let total = state.written + learnt.count
      // Whether it is time to write all of it anew is found out now and then.
      if !learnt.isEmpty, total / StatCache.few != state.written / StatCache.few { state.readAll() }
      state.written = total
      let isLong =
        total > StatCache.limit || state.unread.isEmpty && total > 2 * state.known.count + StatCache.few
      if learnt.isEmpty || !state.damaged && !isLong { return (learnt, nil) }
      state.readAll()
      // Every edit of a file leaves an entry behind that no one will ask for again.
      if state.known.count > StatCache.limit / 2 {
        state.known = state.known.filter { state.used.contains($0.key) }
      }
      state.written = state.known.count
      state.damaged = false
      return (learnt, state.known)
    }
    if learnt.isEmpty { return }
    let temporary = try store.temporaryPath()
    _ = try store.makeFolders(store.root + "/index")
    if let all { return try write(all, by: temporary) }
    do {
      try store.files.write(learnt.flatMap(\.bytes), to: StatCache.path(store), .appending)
    } catch {
      guard error.errno == EACCES || error.errno == EPERM else { throw error }
      // The file is another user's. That of both users' next is written so that either can append to it.
      let all = state.withLock { state in
        state.readAll()
        return state.known
      }
      try write(all, by: temporary)
    }
  }

  private func write(_ known: [FileStatus.Key: Artefact], by temporary: String) throws {
    let bytes = known.flatMap { StatCacheEntry(file: $0.key, artefact: $0.value).bytes }
    try store.files.replace(StatCache.path(store), with: bytes, by: temporary)
  }

  /// What a file was when it was last read, if it cannot have changed since.
  package func remembered(_ status: FileStatus) -> Artefact? {
    state.withLock { state in
      guard let artefact = state.artefact(of: status.key) else { return nil }
      state.used.insert(status.key)
      return artefact
    }
  }

  /// - Parameter moment: before the file was read.
  func remember(_ artefact: Artefact, as status: FileStatus, at path: String, since moment: FileClock.Moment)
  {
    guard clock.isSettled(status, at: path, since: moment) else { return }
    state.withLock { state in
      state.known[status.key] = artefact
      state.used.insert(status.key)
      state.learnt.append(StatCacheEntry(file: status.key, artefact: artefact))
    }
  }

  /// Entries in the file, 24 MiB of them.
  private static let limit = 1 << 18
  /// So many are read at once.
  private static let few = 1024
  private static func path(_ store: Store) -> String { store.root + "/index/files" }

  private static func artefact(of file: borrowing InputFile) throws -> Artefact {
    var identity = ContentIdentity(size: file.size)
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: min(max(file.size, 1), 1 << 20), alignment: 64)
    defer { buffer.deallocate() }
    var offset = 0
    while offset < file.size {
      let count = try file.read(into: buffer, at: offset)
      if count == 0 { throw file.changed }
      identity.update(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      offset += count
    }
    try file.checkUnchanged()
    return identity.finalize()
  }
}
