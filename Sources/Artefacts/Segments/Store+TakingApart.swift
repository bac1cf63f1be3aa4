internal import System

extension Store {
  /// Stores what stands in a segment that came from elsewhere: every object under the digest of its bytes, every record under its own key.
  /// Nothing else that the segment says of itself is believed. What records name and did not come before them is not lost.
  /// - Parameters:
  ///   - path: of a file, which stays.
  ///   - whenSome: called whenever some more of it is there.
  /// - Throws: `.damaged` for what is no sound segment; what stood before the damage may be there then.
  package func takeApart(segment path: String, whenSome: () throws -> Void = {}) throws {
    let file = SegmentFile(
      String(path[path.index(after: path.lastIndex(of: "/")!)...]), in: parentFolder(of: path), files: files)
    try file.update(Decompressor())
    guard file.isSealed, file.fault == nil else {
      throw Failure(.damaged, "what came as a segment is none, or not all of it")
    }
    let publication = gatheringPublication()
    // Also what came before something went wrong.
    defer { sealSegment() }
    var open = 0
    var records: [Record] = []
    var objects: Set<Digest> = []
    func commit() throws {
      try leavingOut(records.flatMap(\.artefacts), coming: objects) { try publication.commit() }
      (records, objects, open) = ([], [], 0)
    }
    do {
      try segments.forEachGroup(of: file) { _, logical in
        var found: [(digest: Digest, kind: SegmentEntry.Kind, range: Range<Int>)] = []
        try SegmentGroup.forEachEntry(in: logical) { found.append(($0, $1, $2)) }
        for (digest, kind, range) in found {
          let bytes = Array(logical[range])
          if kind == .record {
            let record = try Record(storedBytes: bytes, key: digest)
            try publication.add(record: record, isReplacing: false)
            records.append(record)
          } else {
            objects.insert(try publication.add(bytes: bytes).digest)
          }
        }
        // What names something stands behind it, so that what has come can be seen before the rest.
        open += logical.count
        if open > Store.takenAtOnce {
          try commit()
          try whenSome()
        }
      }
      try commit()
    } catch let damage as Damage {
      throw Failure(.damaged, "what came as a segment is damaged: \(damage.reason)")
    }
  }

  /// Bytes that wait in memory, at most a group more.
  private static let takenAtOnce = 16 << 20
}
