internal import Actions
internal import Artefacts
import System

/// The files of an input that may be a folder.
enum TextFiles {
  /// The file that an input is, or all files of a folder except hidden ones, in the order of their paths' bytes.
  ///
  /// - Parameters:
  ///   - scratch: where a folder may be put; there is nothing yet.
  /// - Returns: what messages call each file, and what reads it.
  static func files(
    of input: InputArtefact, named name: String, scratch: String
  ) throws -> [(name: String, contents: () throws -> [UInt8])] {
    guard input.artefact.kind == .tree else {
      return [(name, { try input.bytes(limit: TextInput.limit) })]
    }
    try input.write(to: scratch)
    return try paths(in: scratch).map { path in
      (
        "\(name)/\(path)",
        { try FileInput.bytes(of: "\(scratch)/\(path)", name: "\(name)/\(path)", limit: TextInput.limit) }
      )
    }
  }

  private static func paths(in folder: String) throws -> [String] {
    let files = LocalFileSystem()
    var paths: [String] = []
    for name in try files.names(in: folder) where !name.hasPrefix(".") {
      if try files.status("\(folder)/\(name)")?.isFolder == true {
        paths += try self.paths(in: "\(folder)/\(name)").map { "\(name)/\($0)" }
      } else {
        paths.append(name)
      }
    }
    return paths.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }
}
