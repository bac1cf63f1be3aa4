public import System

/// Puts small objects and records that have files of their own into segments: many in one file. Their names, and what is read of them,
/// stay what they are.
///
/// A segment is written whole, made durable and read back before the files go that it is in place of. So at any time everything stands
/// somewhere, whoever is killed on the way, and others may read and write at the same time. What was there twice when this ended
/// too early goes the next time.
struct Gathering {
  private let store: Store
  private let isDry: Bool
  private var files: any FileSystem { store.files }
  private(set) var outcome = Outcome()

  typealias Outcome = Repacking.Gathered

  /// A file that a segment is to be in place of.
  private struct Loose {
    let key: SegmentKey
    let path: String
    let status: FileStatus
    /// Of its bytes, which of an object is its name.
    let digest: Digest
    /// When and where a record was made, which then stands beside it.
    let note: (path: String, status: FileStatus)?
  }

  init(of store: Store, isDry: Bool) {
    self.store = store
    self.isDry = isDry
  }

  /// - Parameters:
  ///   - bases: objects that others are differences from, which keep their files.
  ///   - progress: told of every folder, with how many there are.
  mutating func gather(
    but bases: Set<Digest>, failed: (Failure) -> Void, progress: (_ done: Int, _ total: Int) throws -> Void
  ) throws {
    let shelves =
      try store.shelves(of: "objects").map { (isRecord: false, path: "objects/\($0)") }
      + store.shelves(of: "actions").map { (isRecord: true, path: "actions/\($0)") }
    var candidates: [(key: SegmentKey, status: FileStatus)] = []
    for (isRecord, shelf) in shelves {
      let limit = Gathering.fileLimit(isRecord)
      for (digest, status) in try store.looseFiles(in: shelf) where status.size <= limit {
        if isRecord || !bases.contains(digest) {
          candidates.append((SegmentKey(isRecord: isRecord, digest: digest), status))
        }
      }
    }
    // What another gathering has left that was ended stands in a segment already.
    guard
      try candidates.count >= Gathering.least
        || candidates.contains(where: { try store.segments.find($0.key) != nil })
    else { return }
    if !isDry { try store.makeSegments() }
    var next = 0
    while next < candidates.count {
      var moved: [Loose] = []
      func fill(_ write: @escaping Append) throws -> Int {
        var builder = SegmentBuilder(to: write)
        while next < candidates.count, builder.size < SegmentFormat.segmentSize {
          try Task.checkCancellation()
          try progress(next, candidates.count)
          let (key, status) = candidates[next]
          next += 1
          do {
            guard let (entry, loose) = try read(key, status) else { continue }
            try builder.add(entry)
            moved.append(loose)
          } catch let error as Failure {
            switch error.code {
            case .damaged, .refused, .unreadable: failed(error)
            case .notFound, .newer: break
            default: throw error
            }
          }
        }
        if builder.isEmpty { return 0 }
        try builder.finish()
        return builder.size
      }
      let size: Int
      if isDry {
        size = try fill { _ in }
      } else {
        let name = ProcessFolder.randomName()
        size = try store.segments.place({ try store.temporaryPath() }, as: name, fill)
        if size > 0 { moved = try moved.filter(standing(in: name)) }
      }
      if size == 0 { continue }
      outcome.segments += 1
      outcome.after += size
      // Before the files go, so that who cannot list the segments finds one or the other.
      if !isDry { try store.catalogueSegments() }
      for loose in moved where try isDry || remove(loose) { count(loose) }
    }
  }

  /// Fewer are looked at one by one.
  private static let least = 16

  private static func fileLimit(_ isRecord: Bool) -> Int {
    // Bytes that do not compress, with header and footer.
    isRecord ? SegmentFormat.recordLimit : SegmentFormat.objectLimit + 1024
  }

  private mutating func count(_ loose: Loose) {
    if loose.key.isRecord { outcome.records += 1 } else { outcome.objects += 1 }
    outcome.files += loose.note == nil ? 1 : 2
    outcome.before += Int(loose.status.size + (loose.note?.status.size ?? 0))
  }

  // MARK: Reading

  /// - Returns: nil for what keeps its file.
  private func read(_ key: SegmentKey, _ status: FileStatus) throws -> (SegmentEntry, Loose)? {
    // An entry that is another, or damaged, must not count again once the file has gone.
    if let place = try store.segments.find(key) {
      guard let there = try? store.segments.bytes(at: place) else { return nil }
      if key.isRecord ? try store.recordBytes(key.digest) != there : Digest(of: there) != key.digest {
        return nil
      }
    }
    if key.isRecord { return try readRecord(key, status) }
    let kind = try store.reading(key.digest) { reader -> Artefact.Kind? in
      reader.footer.size <= SegmentFormat.objectLimit && reader.footer.base == nil ? reader.footer.kind : nil
    }
    guard let kind else { return nil }
    let bytes = try store.bytes(of: key.digest, limit: SegmentFormat.objectLimit)
    return (
      SegmentEntry(kind: kind == .tree ? .tree : .blob, digest: key.digest, bytes: bytes),
      Loose(key: key, path: store.objectPath(key.digest), status: status, digest: key.digest, note: nil)
    )
  }

  private func readRecord(_ key: SegmentKey, _ status: FileStatus) throws -> (SegmentEntry, Loose)? {
    let path = store.recordPath(key.digest)
    // In quarantine if it is damaged.
    guard try store.record(key.digest) != nil,
      let bytes = try files.contents(of: path, limit: SegmentFormat.recordLimit)
    else { return nil }
    do { _ = try RecordFile.read(bytes, key: key.digest) } catch is Damage { return nil }
    var entry = SegmentEntry(kind: .record, digest: key.digest, bytes: bytes)
    var note: (path: String, status: FileStatus)?
    let pathOfNote = "\(store.root)/index/made/\(key.digest.hex.prefix(2))/\(key.digest.hex.dropFirst(2))"
    if let status = try files.entry(pathOfNote), status.isFile,
      1...SegmentFormat.noteLimit ~= Int(status.size),
      let bytes = try? files.contents(of: pathOfNote, limit: SegmentFormat.noteLimit)
    {
      entry.note = bytes
      note = (pathOfNote, status)
    }
    return (entry, Loose(key: key, path: path, status: status, digest: Digest(of: bytes), note: note))
  }

  // MARK: Removing

  /// Reads a segment back, and tells what stands in it as it was read.
  private func standing(in name: String) throws -> (Loose) -> Bool {
    let file = SegmentFile(name, in: store.segments.folder, files: files)
    try file.update(Decompressor())
    var found: [SegmentKey: Digest] = [:]
    try store.segments.forEachGroup(of: file) { _, logical in
      try SegmentGroup.forEachEntry(in: logical) { digest, kind, range in
        let isRecord = kind == .record
        let bytes = isRecord ? Digest(of: Array(logical[range])) : digest
        found[SegmentKey(isRecord: isRecord, digest: digest)] = bytes
      }
    }
    return { loose in file.place(of: loose.key) != nil && found[loose.key] == loose.digest }
  }

  /// Removes a file that a segment is in place of.
  /// - Returns: false if it has gone, or another has come in its place.
  private func remove(_ loose: Loose) throws -> Bool {
    do {
      if loose.key.isRecord {
        guard try removeRecord(loose) else { return false }
      } else {
        // Whatever has its name by now has the same bytes.
        try files.remove(loose.path)
      }
    } catch let error as Failure where error.code == .notFound || error.isForbidden {
      // What is another user's and may not be removed stays beside the segment.
      return false
    }
    if let note = loose.note, try files.entry(note.path) == note.status { try? files.remove(note.path) }
    return true
  }

  /// Another process may replace it at this moment: what it has put there stays, and counts.
  private func removeRecord(_ loose: Loose) throws -> Bool {
    guard let now = try files.entry(loose.path), now == loose.status else { return false }
    let temporary = try store.temporaryPath()
    try files.rename(loose.path, to: temporary)
    if let moved = try files.entry(temporary), !moved.isSameFile(as: loose.status) {
      if try files.renameIfAbsent(temporary, to: loose.path) { return false }
    }
    try files.remove(temporary)
    return true
  }
}

extension Repacking {
  /// What became of small objects and records that had files of their own.
  public struct Gathered: Sendable {
    public var objects = 0
    public var records = 0
    /// Files that they had.
    public var files = 0
    /// Bytes of these.
    public var before = 0
    /// Files that hold them now.
    public var segments = 0
    /// Bytes of these.
    public var after = 0

    public init() {}
  }

  /// Puts small objects and records that have files of their own into segments, if there are sixteen of them.
  ///
  /// - Parameters:
  ///   - failed: told of what cannot be read or believed, and stays.
  ///   - progress: told of every one, with how many there are.
  public func gather(
    failed: (Failure) -> Void, progress: (_ done: Int, _ total: Int) throws -> Void
  ) throws -> Gathered {
    var gathering = Gathering(of: store, isDry: isDry)
    try gathering.gather(but: graph.all, failed: failed, progress: progress)
    return gathering.outcome
  }
}
