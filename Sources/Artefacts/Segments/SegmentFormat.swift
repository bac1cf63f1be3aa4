internal import System

/// A segment: a file with many small objects and records, written group by group. All numbers are little-endian;
/// `cache/README.md` describes it for someone who writes a reader.
///
///     header   skippable frame of 16 bytes: magic 184D2A5B, length 8, "brseg", version, 2 zero bytes
///     groups   each a head and a zstd frame
///       head   skippable frame of 40 bytes: magic 184D2A5B, length 32, "group", 3 zero bytes, stored length of the
///              zstd frame (4), its logical length (4), its check (8), check of the head (8)
///       frame  entries: kind (1: 0 blob, 1 tree, 2 record, 3 note on the record before it), length (3), of a record its key
///              (32), bytes
///     seal     once nothing more comes, a skippable frame: magic 184D2A5B, length, offset of each group (8), then for
///              each entry, sorted, digest (32), number of the group (4), offset in it (4), kind (1), length (3);
///              numbers of groups (4) and entries (4), check (8), "brakeend"
///
/// A check is the first eight bytes of the SHA-256 of all that stands before it in its frame; that of a zstd frame is of the
/// frame.
enum SegmentFormat {
  static let version: UInt8 = 1
  static let header: [UInt8] =
    ObjectFormat.frame(length: 8) + Array("brseg".utf8) + [version, 0, 0]
  /// Whether a segment that starts like this is one in a later version.
  static func isLater(_ header: [UInt8]) -> Bool {
    header.count == self.header.count && header[13] > version && header[..<13] == self.header[..<13]
      && header[14...] == self.header[14...]
  }
  static let headLength = 40
  static let headOpening: [UInt8] = ObjectFormat.frame(length: 32) + Array("group".utf8) + [0, 0, 0]
  static let placeLength = 44
  static let sealTailLength = 24

  /// Bytes of an object or record that is kept in a segment, at most.
  static let objectLimit = 16 << 10
  static let recordLimit = 64 << 10
  static let noteLimit = 4 << 10
  /// A group is closed once its entries have so many bytes.
  static let groupSize = 256 << 10
  /// Bytes of the entries of a group, at most, for who reads it.
  static let groupLimit = 1 << 20
  /// A writer begins another segment once one has so many bytes.
  static let segmentSize = 64 << 20
  /// What is larger, or holds more, is not looked at.
  static let segmentLimit = 1 << 30
  static let entryLimit = 8 << 20
  /// Bytes in which a head is looked for behind damage, at once.
  static let searchedAtOnce = 1 << 20

  static func check(_ bytes: some ContiguousBytesSequence) -> [UInt8] {
    Array(Digest(of: bytes).bytes.prefix(8))
  }
}

/// What an object or record is called in a segment.
struct SegmentKey: Hashable {
  let isRecord: Bool
  let digest: Digest

  static func object(_ digest: Digest) -> SegmentKey { SegmentKey(isRecord: false, digest: digest) }
  static func record(_ key: Digest) -> SegmentKey { SegmentKey(isRecord: true, digest: key) }
}

struct SegmentEntry {
  enum Kind: UInt8 {
    case blob = 0
    case tree = 1
    case record = 2
  }

  let kind: Kind
  let digest: Digest
  let bytes: [UInt8]
  /// What is to be known of a record and is no part of it: stands behind it, and has no name.
  var note: [UInt8]?

  static let noteKind: UInt8 = 3

  var key: SegmentKey { SegmentKey(isRecord: kind == .record, digest: digest) }

  /// Bytes that it takes in the content of a group.
  var length: Int { 4 + (kind == .record ? 32 : 0) + bytes.count + (note.map { 4 + $0.count } ?? 0) }
}

/// Where in a segment an entry's bytes are.
struct SegmentPlace: Hashable {
  let kind: SegmentEntry.Kind
  let group: Int
  /// Among the logical bytes of the group.
  let range: Range<Int>
}
