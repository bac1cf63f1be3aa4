internal import Artefacts

/// What comes in a segment is taken apart, and checked as if it had come in files.
extension StoreFiles: SegmentTaking {
  func takesSegments() async throws -> Bool { gathers }

  func add(_ segment: OutgoingSegment) async throws -> Bool {
    try store.takeApart(segment: segment.path)
    return true
  }
}
