internal import System

/// A file written piece by piece.
struct FileOutput: ~Copyable {
  private let file: Int32
  private let path: String
  private let files = LocalFileSystem()

  /// - Parameter path: there is no file yet.
  init(_ path: String) throws {
    self.path = path
    file = try files.create(path, mode: 0o666)
  }

  deinit { try? files.close(file, path: path) }

  func write(_ bytes: UnsafeRawBufferPointer) throws { try files.write(bytes, to: file, path: path) }
}
