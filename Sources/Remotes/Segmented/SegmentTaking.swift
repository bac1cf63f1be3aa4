import Artefacts

/// A place that takes many small objects and records at once, as a segment.
protocol SegmentTaking: RemoteFiles {
  /// Whether it does, which may have to be tried first.
  func takesSegments() async throws -> Bool
  /// Adds what stands in a segment: all of it is there afterwards.
  /// - Returns: false if it does not take it after all; then it is to be sent in files.
  func add(_ segment: OutgoingSegment) async throws -> Bool
}

/// A place of which parts of files can be had, and in which a file can be made under a name that nothing has.
protocol ExclusiveFiles: RangedFiles {
  /// Whether it makes a file only where there is none, which is found out by trying to.
  /// - Parameter format: the bytes of the file `format` there. It keeps them, whatever comes of it.
  func makesExclusively(beside format: [UInt8]) async throws -> Bool
  /// Makes a file unless there is one of its name.
  /// - Parameter bytes: such as nobody else writes there.
  /// - Returns: whether they are there.
  func make(_ path: String, _ bytes: [UInt8]) async throws -> Bool
}

extension RemoteFiles {
  /// The bytes of a small file; nil if there is none.
  func bytes(of path: String, limit: Int) async throws -> [UInt8]? {
    let landing = Landing(path, limit: limit)
    try await read([landing])
    return try landing.isThere() ? landing.bytes : nil
  }
}
