import Artefacts
import System

/// A file of a bundle, as it stands there.
struct BundledFile: Hashable, Sendable {
  /// Relative to the bundle.
  let path: String
  let size: Int
  /// Of the bytes as they stand there: of an object in `store/`, those of its frames.
  let digest: Digest
}

/// All files of a bundle.
enum BundledFiles {
  /// Looks at every byte under a folder; sorted by the bytes of the paths.
  static func all(in folder: String, files: any FileSystem) throws -> [BundledFile] {
    var found: [BundledFile] = []
    try visit(folder, "", files, &found)
    return found.sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
  }

  private static func visit(
    _ folder: String, _ inside: String, _ files: any FileSystem, _ found: inout [BundledFile]
  ) throws {
    for name in try files.names(in: folder) {
      try Task.checkCancellation()
      let path = folder + "/" + name
      let relative = inside.isEmpty ? name : inside + "/" + name
      if try files.entry(path)?.isFolder == true {
        try visit(path, relative, files, &found)
      } else {
        found.append(try file(path, as: relative, files: files))
      }
    }
  }

  static func file(_ path: String, as relative: String, files: any FileSystem) throws -> BundledFile {
    let file = try InputFile(path, followingLinks: false, files: files)
    var hasher = DigestHasher()
    let size = try file.forEachPiece(from: 0) { hasher.update($0) }
    return BundledFile(path: relative, size: size, digest: hasher.finalize())
  }

  /// What `sha256sum -c` reads.
  static func checksums(_ files: [BundledFile]) -> String {
    files.map { file in
      guard file.path.contains("\\") else { return "\(file.digest.hex)  \(file.path)\n" }
      return "\\\(file.digest.hex)  \(file.path.replacing("\\", with: "\\\\"))\n"
    }.joined()
  }
}

extension String {
  /// A path as an address relative to the bundle: all but letters, digits, `-._~/` is written as `%XX`.
  var addressEscaped: String {
    let hex = Array("0123456789ABCDEF".utf8)
    var bytes: [UInt8] = []
    for byte in utf8 {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"), UInt8(ascii: "/"):
        bytes.append(byte)
      default: bytes += [UInt8(ascii: "%"), hex[Int(byte >> 4)], hex[Int(byte & 15)]]
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
