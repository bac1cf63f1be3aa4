internal import System

/// What became of a segment of which not all is needed.
struct CollectedSegment {
  /// Bytes that the folder of the segments is smaller by.
  var freed = 0
  var objects = 0
  var records = 0
}

extension Segments {
  /// Segments are rewritten once at least one of so many bytes of their entries is not needed.
  private static let worthwhile = 2

  /// Sets a segment aside of which much is not needed; what is needed is put into a new one first. So at any time every entry that is
  /// needed stands somewhere.
  ///
  /// - Parameters:
  ///   - isNeeded: of what stands in it.
  ///   - isTrial: whether to find out only what would be done.
  ///   - temporary: a name that nothing has, to write under.
  ///   - setAside: gives it another name.
  func collect(
    _ file: SegmentFile, isNeeded: (SegmentKey) -> Bool, isTrial: Bool, temporary: () throws -> String,
    setAside: () throws -> Void
  ) throws -> CollectedSegment {
    let entries = try entries(of: file)
    let kept = entries.filter { isNeeded($0.key) }
    let needed = kept.reduce(0) { $0 + $1.bytes.count }
    let total = entries.reduce(0) { $0 + $1.bytes.count }
    var collected = CollectedSegment()
    collected.records = entries.count { $0.kind == .record } - kept.count { $0.kind == .record }
    collected.objects = entries.count - kept.count - collected.records
    guard let size = file.status?.size, collected.objects + collected.records > 0,
      needed <= total / Segments.worthwhile
    else { return CollectedSegment() }
    let bytes = try kept.isEmpty ? [] : sealed(kept)
    collected.freed = max(0, Int(size) - bytes.count)
    if isTrial { return collected }
    if !bytes.isEmpty { try place(bytes, temporary) }
    try setAside()
    forgetList()
    return collected
  }

  /// Every entry with its bytes. A damaged group is an error: nobody knows what is in it.
  private func entries(of file: SegmentFile) throws -> [SegmentEntry] {
    var entries: [SegmentEntry] = []
    let opened = try InputFile(file.path, followingLinks: false, files: files)
    let decompressor = Decompressor()
    for offset in file.groups {
      let (head, frame) = try SegmentFile.group(opened, at: offset)
      let logical = try SegmentGroup.logical(head, frame, decompressor)
      try SegmentGroup.forEachEntry(in: logical) { digest, kind, range in
        entries.append(
          SegmentEntry(
            kind: kind, digest: digest, bytes: Array(logical[range]),
            note: kind == .record ? SegmentGroup.note(in: logical, at: range.upperBound) : nil))
      }
    }
    return entries
  }

  /// A whole segment, with its seal.
  private func sealed(_ entries: [SegmentEntry]) throws -> [UInt8] {
    var bytes = SegmentFormat.header
    var groups: [Int] = []
    var places: [SegmentKey: SegmentPlace] = [:]
    let decompressor = Decompressor()
    for group in Segments.groups(of: entries, Compressor()) {
      let head = SegmentHead(Array(group.prefix(SegmentFormat.headLength)))!
      let logical = try SegmentGroup.logical(
        head, Array(group.dropFirst(SegmentFormat.headLength)), decompressor)
      try SegmentGroup.forEachEntry(in: logical) { digest, kind, range in
        let key = SegmentKey(isRecord: kind == .record, digest: digest)
        if places[key] == nil { places[key] = SegmentPlace(kind: kind, group: groups.count, range: range) }
      }
      groups.append(bytes.count)
      bytes += group
    }
    return bytes + SegmentSeal.bytes(groups: groups, places)
  }
}
