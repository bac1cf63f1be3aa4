internal import Actions
internal import Artefacts
import System

/// Reading of files that stand in a scratch folder.
enum FileInput {
  /// All bytes of a file.
  /// - Parameter name: what messages call it.
  static func bytes(of path: String, name: String, limit: Int) throws -> [UInt8] {
    guard try size(of: path, name: name) <= limit,
      let bytes = try LocalFileSystem().contents(of: path, limit: limit)
    else { throw PipelineError("\(name): it has more than \(limit) bytes") }
    return bytes
  }

  static func size(of path: String, name: String) throws -> Int {
    guard let status = try LocalFileSystem().status(path) else {
      throw PipelineError("cannot read: there is no such file", facts: [("file", name)])
    }
    return Int(status.size)
  }
}
