import Artefacts
import System

/// Says, as long as an action runs, where what it prints can be read: a file in the store's `index/running/` that holds
/// the path of its log, and that the process which runs the action has locked. A lock goes when its owner dies.
final class RunningAction: Sendable {
  private let path: String
  private let file: Int32
  private let files: any FileSystem

  /// Of what cannot be announced nobody learns anything; the action runs all the same.
  init?(_ key: Digest, log: String, in store: Store) {
    files = store.files
    path = RunningAction.path(key, store)
    guard let file = RunningAction.announce(log, path, store) else { return nil }
    self.file = file
  }

  /// - Returns: the file, open and locked. Nil if it is another's, or cannot be had.
  private static func announce(_ log: String, _ path: String, _ store: Store) -> Int32? {
    let files = store.files
    do {
      try store.makeFolders(parentFolder(of: path))
      try files.checkOwnFolder(parentFolder(of: path))
      let file = try files.open(path, toWrite: .changing)
      do {
        guard FileLock.take(file) else { throw Failure(.system, "somebody else has announced it") }
        // Somebody may have removed what another had left there, just before this had the lock of it.
        let (opened, named) = (try files.status(of: file, path: path), try files.entry(path))
        guard named?.inode == opened.inode, named?.device == opened.device else {
          throw Failure(.system, "the announcement has been removed")
        }
        try files.resize(file, to: 0, path: path)
        try Array(log.utf8).withUnsafeBytes { try files.write($0, to: file, path: path) }
        return file
      } catch {
        try? files.close(file, path: path)
        return nil
      }
    } catch {
      return nil
    }
  }

  deinit {
    try? files.remove(path)
    try? files.close(file, path: path)
  }

  static func folder(of store: Store) -> String { store.root + "/index/running" }

  private static func path(_ key: Digest, _ store: Store) -> String { "\(folder(of: store))/\(key.hex)" }

  /// The log of an action that runs now, whoever runs it; nil if nobody does.
  static func log(of key: Digest, in store: Store) -> String? {
    do {
      let path = path(key, store)
      guard let file = try InputFile.ifPresent(path, followingLinks: false, files: store.files),
        1...4096 ~= file.size, file.isLocked
      else { return nil }
      return String(validating: try file.readAll(), as: UTF8.self)
    } catch {
      return nil
    }
  }
}
