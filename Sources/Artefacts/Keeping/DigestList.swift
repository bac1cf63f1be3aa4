internal import System

/// Files of the store that list digests: a line of 64 hexadecimal digits each, behind lines that start otherwise and are for
/// people. They only grow at their ends; what a crash has cut off at the end of the last line is no line.
package enum DigestList {
  /// The bytes of such a file that are read, at most.
  package static let limit = 256 << 20

  package static func bytes(_ digests: some Collection<Digest>) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: 65 * digests.count) { buffer, count in
      for digest in digests {
        digest.writeHex(to: buffer.baseAddress! + count)
        buffer[count + 64] = UInt8(ascii: "\n")
        count += 65
      }
    }
  }

  /// The digests in a file's bytes, in its order.
  package static func digests(_ bytes: [UInt8]) -> [Digest] {
    bytes.withUnsafeBytes { bytes in
      var digests: [Digest] = []
      digests.reserveCapacity(bytes.count / 65)
      var start = 0
      while start < bytes.count {
        let end = bytes[start...].firstIndex(of: UInt8(ascii: "\n")) ?? bytes.count
        if end - start == 64, let digest = Digest(hex: bytes, at: start) { digests.append(digest) }
        start = end + 1
      }
      return digests
    }
  }
}

extension Store {
  /// The names of the files in a folder of the store, sorted; none if there is no such folder.
  func namesOfFiles(in part: String) throws -> [String] {
    let folder = "\(root)/\(part)"
    guard try files.entry(folder)?.isFolder == true else { return [] }
    return try files.names(in: folder).filter { try files.entry("\(folder)/\($0)")?.isFile == true }
  }

  /// Writes a file of the store at one stroke, durably.
  func write(_ bytes: [UInt8], as name: String, in part: String) throws {
    let temporary = try temporaryPath()
    for folder in try makeFolders("\(root)/\(part)") { try files.synchronise(folder) }
    try files.checkOwnFolder("\(root)/\(part)")
    try files.replace("\(root)/\(part)/\(name)", with: bytes, by: temporary)
  }
}
