internal import System

/// Writes a whole segment, with its seal, from entries that come one after the other. It holds one group of them at a time, and their
/// names.
struct SegmentBuilder {
  private let write: Append
  private let compressor = Compressor()
  private let decompressor = Decompressor()
  private var open: [SegmentEntry] = []
  private var openLength = 0
  private var groups: [Int] = []
  private var places: [SegmentKey: SegmentPlace] = [:]
  private var keys: Set<SegmentKey> = []
  /// Bytes that were written.
  private(set) var size = 0

  init(to write: @escaping Append) { self.write = write }

  var isEmpty: Bool { keys.isEmpty }
  var count: Int { keys.count }

  /// Adds an entry, unless there is one of its name. Those of one kind, objects or records, come together: damage to one group of
  /// the one leaves the other.
  mutating func add(_ entry: SegmentEntry) throws {
    guard keys.insert(entry.key).inserted else { return }
    let startsAnew = open.last.map { ($0.kind == .record) != (entry.kind == .record) } ?? false
    if startsAnew || openLength + entry.length > SegmentFormat.groupSize { try close() }
    open.append(entry)
    openLength += entry.length
  }

  private mutating func close() throws {
    if open.isEmpty { return }
    let group = SegmentGroup.bytes(of: open, compressor)
    open = []
    openLength = 0
    guard let head = SegmentHead(Array(group.prefix(SegmentFormat.headLength))) else {
      throw Damage("an entry is larger than a group")
    }
    // What will be read is what counts.
    let logical = try SegmentGroup.logical(
      head, Array(group.dropFirst(SegmentFormat.headLength)), decompressor)
    try add(group, logical)
  }

  /// Adds a group as it stands in another segment. Entries whose names are there already stay where they are.
  mutating func add(_ group: [UInt8], _ logical: [UInt8]) throws {
    var found: [(SegmentKey, SegmentPlace)] = []
    try SegmentGroup.forEachEntry(in: logical) { digest, kind, range in
      found.append(
        (
          SegmentKey(isRecord: kind == .record, digest: digest),
          SegmentPlace(kind: kind, group: groups.count, range: range)
        ))
    }
    try put(group)
    groups.append(size - group.count)
    for (key, place) in found where places[key] == nil {
      places[key] = place
      keys.insert(key)
    }
  }

  /// Writes what is left, and the seal.
  mutating func finish() throws {
    try close()
    try put(SegmentSeal.bytes(groups: groups, places))
  }

  private mutating func put(_ bytes: [UInt8]) throws {
    if size == 0 {
      try SegmentFormat.header.withUnsafeBytes(write)
      size = SegmentFormat.header.count
    }
    try bytes.withUnsafeBytes(write)
    size += bytes.count
  }
}
