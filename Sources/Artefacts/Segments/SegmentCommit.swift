internal import System

/// Many small results on their way into a segment.
///
/// A file of its own counts before an entry of a segment. So what has one, or takes the place of an entry that is another,
/// does not go into a segment.
struct SegmentCommit {
  private let store: Store
  private var entries: [SegmentEntry] = []
  private var keys: Set<SegmentKey> = []
  /// Records that others must not have made in the meantime.
  private var news: [Digest] = []
  private var stayed: [Digest] = []
  /// What others have written and this relies on.
  private var relied = Pending()

  init(_ store: Store) { self.store = store }

  /// - Returns: false if it is to have files of its own.
  mutating func take(_ pending: Pending) throws -> Bool {
    var next = self
    for object in pending.objects {
      guard case .memory(let bytes) = object.content else { return false }
      let entry = SegmentEntry(
        kind: object.artefact.kind == .tree ? .tree : .blob, digest: object.digest, bytes: bytes)
      if next.keys.contains(entry.key) { continue }
      if let place = try store.segments.find(entry.key) {
        guard (try? store.segments.bytes(at: place)) == bytes else { return false }
        next.rely(on: place.file)
      } else {
        next.add(entry)
      }
    }
    for record in pending.records.values {
      guard case .memory(let bytes) = record.content, try next.take(record, bytes, pending.notes[record.key])
      else { return false }
    }
    next.relied.note(sharedWith: pending)
    self = next
    return true
  }

  private mutating func take(
    _ record: Pending.PendingRecord, _ bytes: [UInt8], _ note: [UInt8]?
  ) throws -> Bool {
    let entry = SegmentEntry(kind: .record, digest: record.key, bytes: bytes, note: note)
    switch try store.holder(ofRecord: record.key) {
    case .own(let path):
      if record.isReplacing { return false }
      relied.shared.insert(parentFolder(of: path))
      stayed.append(record.key)
    case .segment:
      guard let place = try store.segments.find(entry.key), let present = try? store.segments.bytes(at: place)
      else { return false }
      if present == bytes {
        rely(on: place.file)
      } else if record.isReplacing {
        return false
      } else {
        do { _ = try store.record(record.key) } catch let error as Failure where error.code == .damaged {
          return false
        } catch is Failure {}
        rely(on: place.file)
        stayed.append(record.key)
      }
    case nil:
      if keys.contains(entry.key) { return true }
      add(entry)
      if !record.isReplacing { news.append(record.key) }
    }
    return true
  }

  private mutating func add(_ entry: SegmentEntry) {
    entries.append(entry)
    keys.insert(entry.key)
  }

  private mutating func rely(on file: SegmentFile) {
    if store.segments.isDurable(file) { return }
    relied.shared.insert(file.path)
    relied.segments[file.name] = file
  }

  /// Makes it all durable and visible, objects before records.
  /// - Returns: the keys of records that were there already and stayed.
  func commit() throws -> [Digest] {
    if !relied.shared.isEmpty {
      let flush = try relied.flush ?? Flush(around: store.root, files: store.files)
      try flush.synchronise(relied.shared.sorted())
      for file in relied.segments.values { store.segments.noteDurable(file) }
    }
    store.rely(on: entries.filter { $0.kind != .record }.map(\.digest))
    try store.segments.append(entries, make: store.makeSegments)
    let find = try store.segments.finderInOthers()
    return try stayed + news.filter { try concede($0, to: find(.record($0))) }
  }

  /// Gives way to another process that has recorded the same action since it was looked up: one of the two gets a file of its
  /// own, which is the one that counts for everybody.
  /// - Returns: whether there is another one.
  private func concede(_ key: Digest, to rival: Segments.Place?) throws -> Bool {
    if try store.files.status(store.recordPath(key)) != nil { return true }
    guard let rival, let bytes = try? store.segments.bytes(at: rival) else { return false }
    let path = store.recordPath(key)
    let folders = try store.prepareFolder(for: path)
    let temporary = try store.temporaryPath()
    try store.files.writeFile(temporary, mode: 0o444) { try bytes.withUnsafeBytes($0) }
    try store.files.synchronise(temporary)
    if try !store.files.renameIfAbsent(temporary, to: path) { try store.files.remove(temporary) }
    for folder in Set(folders + [parentFolder(of: path)]).sorted() { try store.files.synchronise(folder) }
    return true
  }
}
