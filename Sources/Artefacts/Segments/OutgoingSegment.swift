internal import System

/// A segment that is written for another place, from objects and records that a store has, and sealed. It stands in a file that is gone
/// with this.
package final class OutgoingSegment {
  package let name = ProcessFolder.randomName()
  package let path: String
  private let store: Store
  private let descriptor: Int32
  private var builder: SegmentBuilder
  private var isOpen = true

  /// - Throws: if there is no place for it.
  package init(of store: Store) throws {
    self.store = store
    let (files, path) = (store.files, store.scratchPath())
    let descriptor = try files.create(path, mode: 0o600)
    builder = SegmentBuilder { try files.write($0, to: descriptor, path: path) }
    (self.path, self.descriptor) = (path, descriptor)
  }

  deinit {
    if isOpen { try? store.files.close(descriptor, path: path) }
    try? store.files.remove(path)
  }

  /// Objects and records.
  package var count: Int { builder.count }
  /// Bytes that were written.
  package var size: Int { builder.size }
  /// Whether another one is to be begun.
  package var isFull: Bool { builder.size >= SegmentFormat.segmentSize }

  package var entry: Catalogue.Entry { Catalogue.Entry(name: name, size: size) }

  /// Fewer small files are sent one by one.
  package static let least = Segments.leastAtOnce

  /// Adds an object, of which every byte is checked.
  /// - Returns: false if it is too large for a segment.
  package func add(_ digest: Digest) throws -> Bool {
    let entry = try store.reading(digest) { reader -> SegmentEntry? in
      guard reader.footer.size <= SegmentFormat.objectLimit else { return nil }
      var bytes: [UInt8] = []
      bytes.reserveCapacity(reader.footer.size)
      try reader.stream(store.coders, bases: store.bases) { bytes.append(contentsOf: $0) }
      return SegmentEntry(kind: reader.footer.kind == .tree ? .tree : .blob, digest: digest, bytes: bytes)
    }
    if let entry { try builder.add(entry) }
    return entry != nil
  }

  /// Adds a record.
  /// - Returns: false if it is too large for a segment.
  package func add(_ record: Record) throws -> Bool {
    let bytes = record.storedBytes
    guard bytes.count <= SegmentFormat.recordLimit else { return false }
    try builder.add(SegmentEntry(kind: .record, digest: record.key, bytes: bytes))
    return true
  }

  /// Writes the seal. Nothing is added afterwards.
  package func finish() throws {
    try builder.finish()
    isOpen = false
    try store.files.close(descriptor, path: path)
  }
}
