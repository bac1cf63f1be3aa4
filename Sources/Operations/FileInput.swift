internal import Glibc
internal import Pipeline

/// Reading of files that stand in a scratch folder.
enum FileInput {
  /// All bytes of a file.
  /// - Parameter name: what messages call it.
  static func bytes(of path: String, name: String, limit: Int) throws -> [UInt8] {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw failure(name) }
    defer { close(file) }
    let size = try size(of: path, name: name)
    guard size <= limit else { throw PipelineError("\(name): it has more than \(limit) bytes") }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(size)
    var buffer = [UInt8](repeating: 0, count: 1 << 18)
    while true {
      let count = read(file, &buffer, buffer.count)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw failure(name) }
      if count == 0 { return bytes }
      bytes += buffer[..<count]
    }
  }

  static func size(of path: String, name: String) throws -> Int {
    var status = stat()
    guard stat(path, &status) == 0 else { throw failure(name) }
    return Int(status.st_size)
  }

  private static func failure(_ name: String) -> PipelineError {
    PipelineError("cannot read: \(String(cString: strerror(errno)))", facts: [("file", name)])
  }
}
