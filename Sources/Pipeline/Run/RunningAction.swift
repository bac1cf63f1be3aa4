import Artefacts
import Glibc

/// Says, as long as an action runs, where what it prints can be read: a file in the store's `index/running/` that holds
/// the path of its log, and that the process which runs the action has locked. A lock goes when its owner dies.
final class RunningAction: Sendable {
  private let path: String
  private let file: Int32

  /// Of what cannot be announced nobody learns anything; the action runs all the same.
  init?(_ key: Digest, log: String, in store: Store) {
    path = RunningAction.path(key, store)
    try? makeFolders(store.root + "/index/running")
    file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o666)
    guard file >= 0 else { return nil }
    guard flock(file, LOCK_EX | LOCK_NB) == 0, ftruncate(file, 0) == 0,
      (try? writeAll(Array(log.utf8)[...], to: file, path)) != nil
    else {
      close(file)
      return nil
    }
  }

  deinit {
    unlink(path)
    close(file)
  }

  private static func path(_ key: Digest, _ store: Store) -> String {
    "\(store.root)/index/running/\(key.hex)"
  }

  /// The log of an action that runs now, whoever runs it; nil if nobody does.
  static func log(of key: Digest, in store: Store) -> String? {
    let path = path(key, store)
    guard let bytes = try? readSmall(path, limit: 4096), !bytes.isEmpty else { return nil }
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    if flock(file, LOCK_SH | LOCK_NB) == 0 { return nil }
    return String(validating: bytes, as: UTF8.self)
  }
}
