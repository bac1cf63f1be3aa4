import Artefacts
import Synchronization
import System

/// What is known of how a place is written to.
struct SegmentedWriting {
  /// Whether it takes segments; nil before that was tried.
  var takes: Bool?
  /// Whether it says that it has them.
  var isSegmented = false
}

extension SegmentedFiles: SegmentTaking {
  func takesSegments() async throws -> Bool {
    if let takes = writing.withLock(\.takes) { return takes }
    let takes = try await tryExclusive()
    writing.withLock { $0.takes = takes }
    return takes
  }

  private static let formats = (1...3).map { Array("brake store \($0)\n".utf8) }

  private func format() async throws -> [UInt8]? {
    try await files.bytes(of: StorePath.format.text, limit: 256)
  }

  private func tryExclusive() async throws -> Bool {
    // Into a store of a newer brake nothing is put that it may not expect.
    guard let format = try await format(), SegmentedFiles.formats.contains(format),
      try await files.makesExclusively(beside: format)
    else { return false }
    // Whose catalogue cannot be read gets no more of it.
    do { return try await catalogue.readOn() } catch let error as CancellationError { throw error } catch {
      return false
    }
  }

  func add(_ segment: OutgoingSegment) async throws -> Bool {
    guard try await takesSegments() else { return false }
    do {
      if try await place(segment) { return true }
    } catch let error as Failure where error.code == .remote {
      // It may take no file of that size. If it takes nothing at all, it says so of the next one.
    }
    writing.withLock { $0.takes = false }
    return false
  }

  /// - Returns: false if the catalogue takes nothing more.
  private func place(_ segment: OutgoingSegment) async throws -> Bool {
    // What nobody could name is not sent.
    guard try await catalogue.readOn() else { return false }
    try await makeSegmented()
    try await files.write([Shipment(path: "segments/\(segment.name)", content: .file(segment.path))])
    let bytes = Catalogue.bytes([segment.entry])
    for _ in 0..<SegmentedFiles.attempts {
      if try await files.make(Catalogue.path(catalogue.next), bytes) { return true }
      guard try await catalogue.readOn() else { return false }
    }
    return false
  }

  /// Numbers that others may take in the meantime.
  private static let attempts = 16

  /// Says that there are segments, before there is one: a brake that does not know them would not find what is in them.
  private func makeSegmented() async throws {
    if writing.withLock(\.isSegmented) { return }
    if try await format() == SegmentedFiles.formats[0] {
      try await files.write([
        Shipment(path: StorePath.format.text, content: .bytes(SegmentedFiles.formats[1]), isReplacing: true)
      ])
    }
    writing.withLock { $0.isSegmented = true }
  }
}
