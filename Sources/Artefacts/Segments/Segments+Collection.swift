internal import System

extension Segments {
  /// Segments are rewritten once at least one of so many bytes of their entries is not needed.
  private static let worthwhile = 2

  /// Sets a segment aside of which much is not needed; what is needed is put into a new one first. So at any time every entry that is
  /// needed stands somewhere.
  ///
  /// Takes the memory of one group, and of the names of what is needed, whatever the segment says of itself.
  ///
  /// - Parameters:
  ///   - isNeeded: of what stands in it.
  ///   - isTrial: whether to find out only what would be done.
  ///   - temporary: a name that nothing has, to write under.
  ///   - name: names what was put into a new one, for who cannot list the folder.
  ///   - setAside: gives it another name.
  func collect(
    _ file: SegmentFile, isNeeded: (SegmentKey) -> Bool, isTrial: Bool, temporary: () throws -> String,
    name: () throws -> Void, setAside: () throws -> Void
  ) throws -> CollectedSegment {
    // It stays until somebody has been told of the damage in it.
    guard file.fault == nil else { return CollectedSegment() }
    var collected = CollectedSegment()
    var (total, needed) = (0, 0)
    try forEachGroup(of: file) { _, logical in
      try SegmentGroup.forEachEntry(in: logical) { digest, kind, range in
        total += range.count
        if isNeeded(SegmentKey(isRecord: kind == .record, digest: digest)) {
          needed += range.count
        } else if kind == .record {
          collected.records += 1
        } else {
          collected.objects += 1
        }
      }
    }
    guard let size = file.status?.size, collected.objects + collected.records > 0,
      needed <= total / Segments.worthwhile
    else { return CollectedSegment() }
    let rest =
      try isTrial
      ? rewrite(file, isNeeded) { _ in } : place(temporary) { write in try rewrite(file, isNeeded, write) }
    collected.freed = max(0, Int(size) - rest)
    if isTrial { return collected }
    // Before the other goes: at any time one of them is named.
    if rest > 0 { try name() }
    try setAside()
    forgetList()
    return collected
  }

  /// Writes a segment with those entries of another one that are needed.
  /// - Returns: its bytes; 0 if none is needed, and nothing was written.
  private func rewrite(
    _ file: SegmentFile, _ isNeeded: (SegmentKey) -> Bool, _ write: @escaping Append
  ) throws -> Int {
    var builder = SegmentBuilder(to: write)
    for isRecord in [false, true] {
      try forEachGroup(of: file) { _, logical in
        var entries: [SegmentEntry] = []
        try SegmentGroup.forEachEntry(in: logical) { digest, kind, range in
          guard (kind == .record) == isRecord, isNeeded(SegmentKey(isRecord: isRecord, digest: digest))
          else { return }
          entries.append(
            SegmentEntry(
              kind: kind, digest: digest, bytes: Array(logical[range]),
              note: isRecord ? SegmentGroup.note(in: logical, at: range.upperBound) : nil))
        }
        for entry in entries { try builder.add(entry) }
      }
    }
    if builder.isEmpty { return 0 }
    try builder.finish()
    return builder.size
  }

  /// Calls `body` with one group after the other, as it is stored and what it holds. A damaged group is an error: nobody knows
  /// what is in it.
  func forEachGroup(
    of file: SegmentFile, _ body: (_ stored: [UInt8], _ logical: [UInt8]) throws -> Void
  ) throws {
    let opened = try InputFile(file.path, followingLinks: false, files: files)
    let decompressor = Decompressor()
    for offset in file.groups {
      try Task.checkCancellation()
      let (head, frame) = try SegmentFile.group(opened, at: offset)
      try body(head.bytes + frame, SegmentGroup.logical(head, frame, decompressor))
    }
  }
}
