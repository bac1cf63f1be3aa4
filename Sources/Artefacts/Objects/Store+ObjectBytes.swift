internal import System

extension Store {
  /// The bytes of the file that an object would have that shares a segment with others, as `withObjectFile` writes it.
  /// - Returns: nil if it has a file of its own, or is none that stands in segments.
  public func objectFileOfEntry(_ digest: Digest) throws -> [UInt8]? {
    try checkFolder(of: objectPath(digest))
    if try files.status(objectPath(digest)) != nil { return nil }
    let content = try bytes(of: digest)
    guard content.count <= SegmentFormat.objectLimit else { return nil }
    var identity = ContentIdentity(size: content.count)
    content.withUnsafeBytes { identity.update($0) }
    var file = ObjectFormat.header
    let entries = try coders.withCoders(1) { coders in
      var start = 0
      return try ChunkPlan.chunks(of: content).map { chunk in
        content.withUnsafeBytes {
          coders[0].logical.copyMemory(
            from: UnsafeRawBufferPointer(rebasing: $0[start..<start + chunk.length]))
        }
        start += chunk.length
        let entry = try coders[0].encode(chunk)
        file += UnsafeRawBufferPointer(rebasing: coders[0].stored[..<entry.stored])
        return entry
      }
    }
    return file
      + ObjectFooter(
        chunks: entries, digest: digest, kind: identity.finalize().kind, size: content.count
      ).bytes
  }
}
