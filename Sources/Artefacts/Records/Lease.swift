internal import Glibc
internal import Synchronization
internal import System

/// The right to compute an action, which one process at a time has.
///
/// It is a file `leases/KEY`: another name of the file `alive` in the owner's `ProcessFolder`, which the owner has locked and
/// writes to every few seconds. So that a lease costs a link and its removal, however many an owner has, and all of them say
/// at any time whether the owner lives. Nothing depends on it but that work is done once: whoever computes an action
/// without the right does no harm.
public final class Lease: Sendable {
  /// Nil where the file system has no such links, so that nobody can be told.
  private let path: String?
  private let inode: UInt64
  /// It lives as long as any lease of its.
  private let owner: ProcessFolder
  private let isReleased = Atomic(false)

  fileprivate init(path: String?, inode: UInt64, owner: ProcessFolder) {
    self.path = path
    self.inode = inode
    self.owner = owner
  }

  deinit { release() }

  public func release() {
    guard let path, !isReleased.exchange(true, ordering: .relaxed) else { return }
    // Somebody may have taken this process for dead, and the right from it.
    if Leases.inode(path) == inode { unlink(path) }
  }
}

/// The leases of one store.
public final class Leases: Sendable {
  private let store: Store
  private let isTidy = Atomic(false)

  private var folder: String { store.root + "/leases" }

  public init(of store: Store) { self.store = store }

  /// The right to compute an action; nil if another process has it.
  public func take(_ key: Digest) throws -> Lease? {
    let own = try store.processFolder()
    if !isTidy.exchange(true, ordering: .relaxed) { tidy() }
    let path = folder + "/" + key.hex
    for _ in 0..<2 {
      if link(own.path + "/alive", path) == 0 {
        return Lease(path: path, inode: Leases.inode(path) ?? 0, owner: own)
      }
      if errno == EEXIST { return nil }
      if errno != ENOENT { break }
      _ = try store.makeFolders(folder)
      try store.files.checkOwnFolder(folder)
    }
    return Lease(path: nil, inode: 0, owner: own)
  }

  /// Removes the leases of processes that are dead for certain.
  private func tidy() {
    for name in (try? store.files.names(in: folder)) ?? [] where Digest(name) != nil {
      var watch = LeaseWatch(folder + "/" + name)
      _ = watch.isFree(at: .zero)
    }
  }

  /// Watches the lease that another process has.
  public func watch(_ key: Digest) -> LeaseWatch { LeaseWatch(folder + "/" + key.hex) }

  fileprivate static func inode(_ path: String) -> UInt64? {
    var status = stat()
    return lstat(path, &status) == 0 ? UInt64(status.st_ino) : nil
  }
}

/// Finds out when a lease that another process has is to be had.
///
/// A free lock proves at once that the owner is dead, to those who share its kernel. Others, and those whose owner is
/// stopped, have to see for long that the owner shows no sign of life, by their own clock: a gap between two looks
/// counts as no more than a second, since an observer that was itself stopped learnt nothing meanwhile.
public struct LeaseWatch: Sendable {
  static let patience = Duration.seconds(15)

  private struct Sign: Equatable {
    let inode: UInt64
    /// The beats change it, whether the file may be read or not.
    let modified: Int64
    let text: [UInt8]
  }

  private let path: String
  private var sign: Sign?
  private var unchanged = Duration.zero
  private var last: Duration?

  init(_ path: String) { self.path = path }

  /// Looks at the lease, and takes it away from an owner who is dead.
  /// - Parameter time: by a monotonic clock.
  /// - Returns: whether it can be had.
  public mutating func isFree(at time: Duration) -> Bool {
    let passed = last.map { min(max(time - $0, .zero), .seconds(1)) } ?? .zero
    last = time
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    if descriptor < 0 && errno == ENOENT { return true }
    defer { if descriptor >= 0 { close(descriptor) } }
    var status = stat()
    guard (descriptor < 0 ? lstat(path, &status) : fstat(descriptor, &status)) == 0 else { return false }
    var text = [UInt8](repeating: 0, count: 128)
    text.removeLast(128 - (descriptor < 0 ? 0 : max(0, pread(descriptor, &text, 128, 0))))
    let file = FileStatus(status)

    if descriptor >= 0, LifeSign(text) == LifeSign(status: file, isLocal: true), LifeSign.isLocal(descriptor),
      flock(descriptor, LOCK_EX | LOCK_NB) == 0
    {
      // As long as this lock is held, no one else takes away what the dead had.
      if Leases.inode(path) == file.inode { unlink(path) }
      return true
    }
    let now = Sign(inode: file.inode, modified: file.modified, text: text)
    unchanged = now == sign ? unchanged + passed : .zero
    sign = now
    guard unchanged >= LeaseWatch.patience else { return false }
    takeAway(file.inode)
    return true
  }

  private func takeAway(_ inode: UInt64) {
    let grave = path + ".dead"
    guard rename(path, grave) == 0 else { return }
    // Another observer may have been faster, and have the lease by now.
    if Leases.inode(grave) != inode { link(grave, path) }
    unlink(grave)
  }
}
