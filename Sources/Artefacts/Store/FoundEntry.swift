/// An entry of a segment, with its bytes.
struct FoundEntry {
  let file: SegmentFile
  let kind: SegmentEntry.Kind
  let bytes: [UInt8]
}
