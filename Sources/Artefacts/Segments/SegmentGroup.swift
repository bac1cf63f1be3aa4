internal import System

/// The head of a group.
struct SegmentHead {
  let stored: Int
  let logical: Int
  let check: [UInt8]

  init(frame: [UInt8], logical: Int) {
    stored = frame.count
    self.logical = logical
    check = SegmentFormat.check(frame)
  }

  var bytes: [UInt8] {
    var bytes = SegmentFormat.headOpening
    bytes += UInt32(stored).littleEndianBytes + UInt32(logical).littleEndianBytes + check
    return bytes + SegmentFormat.check(bytes)
  }

  /// Nil for what is no head, or of a group that is larger than any.
  init?(_ bytes: [UInt8]) {
    guard bytes.count == SegmentFormat.headLength, bytes.starts(with: SegmentFormat.headOpening),
      SegmentFormat.check(Array(bytes.dropLast(8)))[...] == bytes.suffix(8)
    else { return nil }
    stored = Int(bytes.littleEndian(at: 16, as: UInt32.self))
    logical = Int(bytes.littleEndian(at: 20, as: UInt32.self))
    check = Array(bytes[24..<32])
    guard 1...SegmentFormat.groupLimit ~= logical,
      1...Compressor.bound(SegmentFormat.groupLimit) ~= stored
    else { return nil }
  }
}

/// The logical bytes of a group.
enum SegmentGroup {
  /// Head and frame.
  static func bytes(of entries: some Sequence<SegmentEntry>, _ compressor: Compressor) -> [UInt8] {
    var logical: [UInt8] = []
    func open(_ kind: UInt8, _ bytes: [UInt8]) {
      logical.append(kind)
      logical += UInt32(bytes.count).littleEndianBytes.prefix(3)
    }
    for entry in entries {
      open(entry.kind.rawValue, entry.bytes)
      if entry.kind == .record { logical += entry.digest.bytes }
      logical += entry.bytes
      guard let note = entry.note else { continue }
      open(SegmentEntry.noteKind, note)
      logical += note
    }
    let frame = [UInt8](unsafeUninitializedCapacity: Compressor.bound(logical.count)) { buffer, count in
      count = logical.withUnsafeBytes {
        compressor.compress($0, into: UnsafeMutableRawBufferPointer(buffer), .level(3))
      }
    }
    return SegmentHead(frame: frame, logical: logical.count).bytes + frame
  }

  /// - Throws: `Damage` if the frame is not what its head says.
  static func logical(
    _ head: SegmentHead, _ frame: [UInt8], _ decompressor: Decompressor
  ) throws(Damage) -> [UInt8] {
    guard SegmentFormat.check(frame) == head.check else { throw Damage("a group does not match its check") }
    var damage: Damage?
    let logical = [UInt8](unsafeUninitializedCapacity: head.logical) { buffer, count in
      do throws(Damage) {
        let target = UnsafeMutableRawBufferPointer(
          rebasing: UnsafeMutableRawBufferPointer(buffer)[..<head.logical])
        let length = try decompress(frame, into: target, decompressor)
        count = head.logical
        if length != frame.count { throw Damage("something follows the frame of a group") }
      } catch {
        damage = error
        count = 0
      }
    }
    if let damage { throw damage }
    return logical
  }

  private static func decompress(
    _ frame: [UInt8], into target: UnsafeMutableRawBufferPointer, _ decompressor: Decompressor
  ) throws(Damage) -> Int {
    var damage: Damage?
    var length = 0
    frame.withUnsafeBytes { frame in
      do throws(Damage) { length = try decompressor.decompress(frame, into: target) } catch { damage = error }
    }
    if let damage { throw damage }
    return length
  }

  /// Calls `body` with each entry's name, kind and place. Notes have no name.
  /// - Throws: `Damage` for bytes that are no entries.
  static func forEachEntry(
    in logical: [UInt8], _ body: (Digest, SegmentEntry.Kind, Range<Int>) -> Void
  ) throws(Damage) {
    var position = 0
    while position < logical.count {
      guard position + 4 <= logical.count else { throw Damage("a group holds what is no entry") }
      let length = Int(logical.littleEndian(at: position, as: UInt32.self) >> 8)
      if logical[position] == SegmentEntry.noteKind {
        position += 4 + length
        continue
      }
      guard let kind = SegmentEntry.Kind(rawValue: logical[position]) else {
        throw Damage("a group holds what is no entry")
      }
      let start = position + (kind == .record ? 36 : 4)
      guard start + length <= logical.count else { throw Damage("an entry reaches beyond its group") }
      let range = start..<start + length
      let digest =
        kind == .record
        ? Digest(bytes: logical[position + 4..<start])
        : logical.withUnsafeBytes { Digest(of: UnsafeRawBufferPointer(rebasing: $0[range])) }
      body(digest, kind, range)
      position = range.upperBound
    }
  }

  /// The note behind a record that ends at a place; nil if there is none.
  static func note(in logical: [UInt8], at position: Int) -> [UInt8]? {
    guard position + 4 <= logical.count, logical[position] == SegmentEntry.noteKind else { return nil }
    let length = Int(logical.littleEndian(at: position, as: UInt32.self) >> 8)
    guard length <= SegmentFormat.noteLimit, position + 4 + length <= logical.count else { return nil }
    return Array(logical[position + 4..<position + 4 + length])
  }
}
