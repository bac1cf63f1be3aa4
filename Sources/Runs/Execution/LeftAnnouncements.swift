import Artefacts
import Synchronization
import System

/// What processes that were killed have left in the store's `index/running/`, where a `RunningAction` stands as long as its action
/// runs. It goes when a process runs its first action, and when the store is collected.
final class LeftAnnouncements: Sendable {
  private let hasLooked = Atomic(false)

  /// What is younger stays where other machines may have the right to an action without this one seeing their locks.
  static let patience: Int64 = 86_400 * 1_000_000_000

  /// The first time only.
  func removeOnce(from store: Store, _ leases: Leases) {
    if !hasLooked.exchange(true, ordering: .relaxed) { LeftAnnouncements.remove(from: store, leases) }
  }

  /// What cannot be removed stays: it does no harm.
  static func remove(from store: Store, _ leases: Leases) {
    let folder = RunningAction.folder(of: store)
    guard (try? store.files.checkOwnFolder(folder)) != nil else { return }
    for name in (try? store.files.names(in: folder)) ?? [] {
      guard let key = Digest(name) else { continue }
      try? remove(folder + "/" + name, of: key, from: store, leases)
    }
  }

  /// Who runs an action has had the right to it since before, and has locked the file. That lock is taken here before the file
  /// goes, so no two remove it, and nobody believes to have announced something in a file that is gone.
  private static func remove(_ path: String, of key: Digest, from store: Store, _ leases: Leases) throws {
    guard leases.about(key) == nil,
      let file = try InputFile.ifPresent(path, followingLinks: false, files: store.files),
      file.lock(), leases.about(key) == nil
    else { return }
    if !file.isOnLocalDisk {
      guard try hasRights(beside: path, store), try file.status.modified < store.timeOfFiles() - patience
      else { return }
    }
    guard let named = try store.files.entry(path), named.inode == file.status.inode,
      named.device == file.status.device
    else { return }
    try store.files.remove(path)
  }

  /// Whether the rights to actions can be seen on a file system: they take second names of files.
  private static func hasRights(beside path: String, _ store: Store) throws -> Bool {
    let name = try store.temporaryPath()
    defer { try? store.files.remove(name) }
    return try store.files.link(path, to: name)
  }
}
