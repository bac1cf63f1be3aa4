internal import System

/// A lock of a store, such as the right to change which objects are stored as differences from which others.
public final class BaseLock: Sendable {
  let file: Int32
  let path: String
  private let files: any FileSystem

  init(_ file: Int32, path: String, files: any FileSystem) {
    self.file = file
    self.path = path
    self.files = files
  }

  deinit { try? files.close(file, path: path) }
}
