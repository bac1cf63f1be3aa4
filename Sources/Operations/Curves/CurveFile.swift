internal import Artefacts
public import Compute
import System

/// Reads curves from a file of the user's.
public enum CurveFile {
  /// Larger files are refused.
  static let limit = 1 << 30

  /// - Parameters:
  ///   - path: a CSV, TSV, JSON or JSON lines file, as it is or compressed with gzip, xz or zstd.
  ///   - options: columns and names; the run is called after the file if neither they nor the file name it.
  /// - Throws: `Failure` with the path and, where there is one, the line; `CancellationError`.
  public static func read(path: String, options: CurveImport = CurveImport()) async throws -> [Curve] {
    let bytes = try await Decompression.expand(try contents(of: path), file: path)
    return try options(bytes, file: path)
  }

  private static func contents(of path: String) throws(Failure) -> [UInt8] {
    let files = LocalFileSystem()
    let bytes: [UInt8]?
    do throws(Failure) {
      let status = try files.status(path)
      if status?.isFile == false {
        throw Failure(.refused, "this is not a file", hint: "give the path of one file")
      }
      bytes = try files.contents(of: path, limit: limit)
    } catch {
      throw Failure(.malformed, "\(path): \(error.headline)", hint: error.hint)
    }
    guard let bytes else { throw Failure(.malformed, "\(path): No such file or directory") }
    return bytes
  }
}
