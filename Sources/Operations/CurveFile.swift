public import Compute
internal import Glibc

/// Reads curves from a file of the user's.
public enum CurveFile {
  /// Larger files are refused.
  static let limit = 1 << 30

  /// - Parameters:
  ///   - path: a CSV, TSV, JSON or JSON lines file, as it is or compressed with gzip, xz or zstd.
  ///   - options: columns and names; the run is called after the file if neither they nor the file name it.
  /// - Throws: `ComputeError` with the path and, where there is one, the line; `CancellationError`.
  public static func read(path: String, options: CurveImport = CurveImport()) async throws -> [Curve] {
    let bytes = try await Decompression.expand(try contents(of: path), file: path)
    return try options(bytes, file: path)
  }

  private static func contents(of path: String) throws(ComputeError) -> [UInt8] {
    func failure() -> ComputeError {
      ComputeError(.malformed, "\(path): \(String(cString: strerror(errno)))")
    }
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { throw failure() }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0 else { throw failure() }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw ComputeError(.malformed, "\(path): this is not a file", remedy: "give the path of one file")
    }
    guard status.st_size <= limit else {
      throw ComputeError(.malformed, "\(path): it has more than \(limit >> 30) GiB")
    }
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeMutableBytes { Glibc.read(file, $0.baseAddress! + done, $0.count - done) }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw failure() }
      guard count > 0 else { break }
      done += count
    }
    return Array(bytes.prefix(done))
  }
}
