internal import Glibc
internal import Pipeline

/// A file written piece by piece.
struct FileOutput: ~Copyable {
  private let file: Int32
  private let path: String

  /// - Parameter path: there is no file yet.
  init(_ path: String) throws {
    self.path = path
    file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    guard file >= 0 else { throw PipelineError(system: "write", path) }
  }

  deinit { close(file) }

  func write(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = Glibc.write(file, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw PipelineError(system: "write", path) }
      rest = rest.dropFirst(count)
    }
  }
}
