import Artefacts
import JSON
import System

/// Small JSON files in the store's `index/` that say more than records do: when, where, with which parameters. They may
/// be gone at any time, nothing depends on them, and what cannot be read of one is taken as not known.
enum IndexNote {
  static let limit = 64 << 10

  /// Writes a note in place of an older one; a note that cannot be written is not written.
  static func write(_ note: JSON, to path: String, in store: Store, limit: Int = limit) {
    let bytes = note.canonicalBytes
    guard bytes.count <= limit else { return }
    do {
      let folder = parentFolder(of: path)
      try store.makeFolders(folder)
      try store.files.checkOwnFolder(folder)
      try store.files.write(bytes, to: path)
    } catch {}
  }

  static func read(_ path: String, in store: Store, limit: Int = limit) -> JSON? {
    do {
      try store.files.checkOwnFolder(parentFolder(of: path))
      guard let file = try InputFile.ifPresent(path, followingLinks: false, files: store.files),
        file.size <= limit
      else { return nil }
      return try JSON(parsing: file.readAll())
    } catch {
      return nil
    }
  }
}

/// The version of brake.
public let brakeVersion = "0.1.0"
