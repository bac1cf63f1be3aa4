internal import Glibc
internal import System

/// Bytes that only this user knows. A note in a store that others can write to is believed without
/// a look at what it stands for, such as commands that are to be executed later; with these it is told from one that somebody
/// else has put there.
package struct UserSecret: Sendable {
  private let bytes: [UInt8]

  /// `$XDG_STATE_HOME/brake/secret`, or in `~/.local/state/`; made where there is none. Nil where there can be none.
  package static let own: UserSecret? = {
    func value(_ name: String) -> String? {
      getenv(name).map { String(cString: $0) }.flatMap { $0.hasPrefix("/") ? $0 : nil }
    }
    guard let folder = value("XDG_STATE_HOME") ?? value("HOME").map({ $0 + "/.local/state" }) else {
      return nil
    }
    return UserSecret(at: folder + "/brake/secret")
  }()

  /// - Parameter path: of a file that only the user can read.
  package init?(at path: String) {
    if let bytes = UserSecret.read(path) {
      self.bytes = bytes
      return
    }
    let files = LocalFileSystem()
    do {
      guard try files.entry(path) == nil else { return nil }
      try files.makeFolders(parentFolder(of: path))
    } catch {
      return nil
    }
    guard UserSecret.make(path), let bytes = UserSecret.read(path) else { return nil }
    self.bytes = bytes
  }

  private static func read(_ path: String) -> [UInt8]? {
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_uid == geteuid(),
      status.st_mode & 0o077 == 0, status.st_size == 32
    else { return nil }
    var bytes = [UInt8](repeating: 0, count: 32)
    return Glibc.read(file, &bytes, 32) == 32 ? bytes : nil
  }

  /// Under another name first, so that nobody reads half of it.
  private static func make(_ path: String) -> Bool {
    var generator = SystemRandomNumberGenerator()
    let bytes = (0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) }
    let temporary = "\(path).\(getpid())"
    let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard file >= 0 else { return false }
    defer { unlink(temporary) }
    // What has its name without its bytes after a power cut would be no secret for ever.
    let isWritten = bytes.withUnsafeBytes { Glibc.write(file, $0.baseAddress, 32) } == 32 && fsync(file) == 0
    close(file)
    // Whoever was first stays.
    return isWritten && (link(temporary, path) == 0 || errno == EEXIST)
  }

  /// What proves that the holder of the secret has written these bytes.
  package func seal(of content: some Sequence<UInt8>) -> Digest {
    var hasher = DigestHasher()
    bytes.withUnsafeBytes { hasher.update($0) }
    if content.withContiguousStorageIfAvailable({ hasher.update(UnsafeRawBufferPointer($0)) }) == nil {
      Array(content).withUnsafeBytes { hasher.update($0) }
    }
    bytes.withUnsafeBytes { hasher.update($0) }
    return hasher.finalize()
  }
}
