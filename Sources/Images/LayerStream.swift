import Archives
import Artefacts
import System

extension SavedImage.Layer {
  /// Hands out the layer as the tar archive that it is, whatever it is compressed with, and checks all of it.
  ///
  /// - Parameters:
  ///   - expected: the digest of the archive, as the configuration names it.
  ///   - limit: more bytes than that are refused.
  /// - Returns: how many bytes the archive has.
  /// - Throws: also where it was handed out and turned out to be damaged.
  func unpacked(_ expected: Digest, limit: Int, _ body: (any ByteStream) throws -> Void) throws -> Int {
    let start = try file.bytes().start
    let (isGzip, isZstd) = (
      start.starts(with: [0x1F, 0x8B]),
      start == [0x28, 0xB5, 0x2F, 0xFD] || start.dropFirst().starts(with: [0x2A, 0x4D, 0x18])
    )
    guard isGzip || isZstd else {
      // The file is the archive, so that both digests are of the same bytes.
      if let digest, digest != expected { throw damaged("it is not compressed, and is to be \(digest)") }
      return try checked(file.bytes(), expected, limit, body)
    }
    let packed = HashedBytes(try file.bytes())
    let count =
      try isGzip
      ? throughGzip(packed) { try checked($0, expected, limit, body) }
      : checked(ZstdBytes(packed), expected, limit, body)
    let found = try packed.finish()
    if let digest, found != digest { throw damaged("it is \(found)") }
    return count
  }

  /// Hands out an archive, and reads it to its end.
  private func checked(
    _ bytes: any ByteStream, _ expected: Digest, _ limit: Int, _ body: (any ByteStream) throws -> Void
  ) throws -> Int {
    let hashed = HashedBytes(bytes, limit: limit)
    do { try ImageFault.reading(part: part) { try body(hashed) } } catch let error as Failure
      where error.code == .malformed
    {
      // That its bytes are not those that were meant says more.
      try check(hashed, expected)
      throw error
    }
    try check(hashed, expected)
    return hashed.count
  }

  private func check(_ bytes: HashedBytes, _ expected: Digest) throws {
    let found = try ImageFault.reading(part: part) {
      do { return try bytes.finish() } catch let error as Failure where error.code == .malformed {
        throw damaged(error.headline)
      }
    }
    guard found == expected else { throw damaged(nil) }
  }

  private func throughGzip(_ packed: any ByteStream, _ read: (any ByteStream) throws -> Int) throws -> Int {
    do {
      let (count, ending, said) = try FilterProgram("gzip", arguments: ["-dc"]).flow(of: packed, read)
      // With 2 it warns of what stands behind the compressed bytes.
      guard ending == .exited(0) || ending == .exited(2) else {
        throw damaged(said.split(separator: "\n").first.map(String.init))
      }
      return count
    } catch FilterProgram.Failure.notInstalled {
      throw Failure(
        .notFound, "a layer of the container image is compressed with gzip, which is not installed",
        hint: "install gzip")
    }
  }

  private var part: String { "the layer '\(file.name)'" }

  private func damaged(_ why: String?) -> Failure {
    ImageFault.damaged(
      "\(part) does not hold what it should" + (why.map { " (\($0))" } ?? ""))
  }
}

extension ByteStream {
  /// The first four bytes.
  fileprivate var start: [UInt8] {
    get throws {
      var count = 0
      return try [UInt8](unsafeUninitializedCapacity: 4) { buffer, length in
        count = try read(into: UnsafeMutableRawBufferPointer(buffer))
        length = count
      }
    }
  }
}
