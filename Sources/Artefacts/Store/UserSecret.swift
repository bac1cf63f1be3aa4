internal import Glibc
package import System

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
  package init?(at path: String, files: any FileSystem = LocalFileSystem()) {
    do {
      if try files.entry(path) == nil { try UserSecret.make(path, files) }
      guard let bytes = try UserSecret.read(path, files) else { return nil }
      self.bytes = bytes
    } catch {
      return nil
    }
  }

  /// Nil if it is no secret.
  private static func read(_ path: String, _ files: any FileSystem) throws -> [UInt8]? {
    let file = try InputFile(path, followingLinks: false, files: files)
    guard file.status.isSecret, file.size == 32 else { return nil }
    return try file.readAll()
  }

  /// Under another name first, so that nobody reads half of it.
  private static func make(_ path: String, _ files: any FileSystem) throws {
    try files.makeFolders(parentFolder(of: path))
    var generator = SystemRandomNumberGenerator()
    let bytes = (0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) }
    let temporary = "\(path).\(ProcessFolder.randomName())"
    defer { try? files.remove(temporary) }
    try files.writeFile(temporary, mode: 0o600) { try bytes.withUnsafeBytes($0) }
    // What has its name without its bytes after a power cut would be no secret for ever.
    try files.synchronise(temporary)
    // Whoever was first stays.
    _ = try files.link(temporary, to: path)
  }

  /// What proves that the holder of the secret has written these bytes.
  package func seal(of content: some Sequence<UInt8>) -> Digest {
    seal(ofAll: CollectionOfOne(content))
  }

  /// The same of bytes that stand in several places, one after the other: where one piece ends is no part of it.
  package func seal(ofAll pieces: some Sequence<some Sequence<UInt8>>) -> Digest {
    var hasher = DigestHasher()
    bytes.withUnsafeBytes { hasher.update($0) }
    for piece in pieces {
      let taken: Void? = piece.withContiguousStorageIfAvailable { hasher.update(UnsafeRawBufferPointer($0)) }
      if taken == nil { Array(piece).withUnsafeBytes { hasher.update($0) } }
    }
    bytes.withUnsafeBytes { hasher.update($0) }
    return hasher.finalize()
  }
}
