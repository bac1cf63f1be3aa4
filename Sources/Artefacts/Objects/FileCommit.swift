internal import System

/// Results on their way into files of their own.
///
/// They become durable together. What is wrong with an object or a record is told of those results that have it, and keeps none of the
/// others; of such a result no record is put into the store.
struct FileCommit {
  private let publication: Publication
  private var all = Pending()
  /// Which results have an object, or a record.
  private var owners: [SegmentKey: [Int]] = [:]
  private(set) var numbers: [Int] = []
  /// What was wrong with single results.
  private(set) var failures: [Int: any Error] = [:]
  /// Files in `tmp/` that have no other name yet.
  private var temporaries: Set<String> = []

  private var store: Store { publication.store }
  private var files: any FileSystem { store.files }

  /// - Parameter publication: any of those that are committed: it lends names for files that are written now.
  init(_ publication: Publication) { self.publication = publication }

  /// Adds a result.
  mutating func take(_ pending: Pending, of number: Int) {
    if pending.isEmpty { return }
    numbers.append(number)
    do { for path in pending.temporaries { try checkThere(path) } } catch {
      failures[number] = error
      for path in pending.temporaries { try? files.remove(path) }
      return
    }
    for object in pending.objects { owners[.object(object.digest), default: []].append(number) }
    for key in pending.records.keys { owners[.record(key), default: []].append(number) }
    temporaries.formUnion(pending.temporaries)
    for path in all.add(pending) { remove(path) }
  }

  private func checkThere(_ path: String) throws {
    if try files.entry(path)?.isFile == true { return }
    throw Failure(
      .system, "a file that was on its way into the store is gone", facts: [("file", path)],
      hint: "leave the folder tmp/ of a store alone while anything runs")
  }

  /// Makes it all durable and visible, objects before records.
  /// - Returns: the keys of records that were there already and stayed.
  /// - Throws: what is wrong with all of it, as with a disk that does not keep what was written.
  mutating func run() throws -> [Digest] {
    if all.isEmpty { return [] }
    defer { for path in temporaries { try? files.remove(path) } }
    let written = write()
    // Made before the first of what was written now.
    all.note(sharedWith: publication.take())
    let flush = try all.flush ?? Flush(around: store.root, files: files)
    try flush.synchronise(written.objects.map(\.path) + written.records.map(\.path))
    try place(written.objects, flush)
    return try place(written.records, flush)
  }

  private typealias Written = (
    objects: [(digest: Digest, path: String)], records: [(record: Pending.PendingRecord, path: String)]
  )

  /// Gives everything a file in `tmp/` that has none.
  private mutating func write() -> Written {
    var written: Written = ([], [])
    for object in all.objects {
      attempt(.object(object.digest)) { commit in
        let path = try commit.publication.temporaryFile(object)
        commit.temporaries.insert(path)
        written.objects.append((object.digest, path))
      }
    }
    for record in all.records.values.sorted(by: { $0.key < $1.key }) {
      attempt(.record(record.key)) { commit in
        let path =
          switch record.content {
          case .memory(let bytes): try commit.publication.temporaryFile(bytes)
          case .file(let path): path
          }
        commit.temporaries.insert(path)
        written.records.append((record, path))
      }
    }
    return written
  }

  /// Does something with an object or a record, if any result still needs it.
  private mutating func attempt(_ key: SegmentKey, _ body: (inout FileCommit) throws -> Void) {
    let owners = owners[key] ?? []
    if owners.allSatisfy({ failures[$0] != nil }) { return }
    do { try body(&self) } catch { for number in owners { failures[number] = failures[number] ?? error } }
  }

  private mutating func remove(_ path: String) {
    temporaries.remove(path)
    try? files.remove(path)
  }

  // MARK: Objects

  private mutating func place(_ objects: [(digest: Digest, path: String)], _ flush: Flush) throws {
    store.rely(on: objects.map(\.digest))
    if !objects.isEmpty { try store.settleShelves(of: .object) }
    var changed = all.shared
    var folders: [String] = []
    // What a folder names stands before it: where that came to nothing, so does the folder.
    for (digest, temporary) in objects {
      attempt(.object(digest)) { commit in
        let path = commit.store.objectPath(digest)
        let prepared = try commit.store.prepareFolder(for: path)
        try commit.place(temporary, of: digest, at: path)
        commit.temporaries.remove(temporary)
        changed.formUnion(prepared + [parentFolder(of: path)])
        folders.append(parentFolder(of: path))
      }
    }
    try flush.synchronise(changed.sorted())
    for file in all.segments.values { store.segments.noteDurable(file) }
    store.noteDurable(folders)
  }

  /// Whatever has this name holds the same bytes, or is damaged and is moved away by looking at it.
  private func place(_ temporary: String, of digest: Digest, at path: String) throws {
    var attempts = 0
    while try !files.renameIfAbsent(temporary, to: path) {
      do {
        try store.check(digest)
        return try files.remove(temporary)
      } catch let error as Failure where error.isMendedByWriting && attempts < 3 {
        if error.code == .unreadable { try store.setAside(digest) }
        attempts += 1
      }
    }
  }

  // MARK: Records

  private mutating func place(
    _ records: [(record: Pending.PendingRecord, path: String)], _ flush: Flush
  ) throws -> [Digest] {
    var (stayed, folders): ([Digest], [String]) = ([], [])
    if !records.isEmpty { try store.settleShelves(of: .record) }
    var changed: Set<String> = []
    for (record, temporary) in records {
      attempt(.record(record.key)) { commit in
        let path = commit.store.recordPath(record.key)
        changed.formUnion(try commit.store.prepareFolder(for: path))
        changed.insert(parentFolder(of: path))
        if try !commit.place(temporary, of: record, at: path, &changed) { stayed.append(record.key) }
        commit.temporaries.remove(temporary)
        folders.append(parentFolder(of: path))
      }
    }
    try flush.synchronise(changed.sorted())
    store.noteDurable(folders)
    return stayed
  }

  /// - Returns: whether it has its place; otherwise another one was there already and stays.
  private func place(
    _ temporary: String, of record: Pending.PendingRecord, at path: String, _ changed: inout Set<String>
  ) throws -> Bool {
    let isInSegment = try store.segments.find(.record(record.key)) != nil
    if !record.isReplacing {
      // Durable, too, once the folder or the segment is: whoever put it there may not have got so far.
      let isFirst = try isInSegment ? !stays(record.key, &changed) : true
      if isFirst, try files.renameIfAbsent(temporary, to: path) { return true }
      try files.remove(temporary)
      return false
    }
    try store.checkReplaceable(recordAt: path, key: record.key)
    try files.rename(temporary, to: path)
    if isInSegment { try store.noteReplacement() }
    return true
  }

  /// Whether a record that stands in a segment is not damaged.
  private func stays(_ key: Digest, _ changed: inout Set<String>) throws -> Bool {
    do { _ = try store.record(key) } catch let error as Failure where error.code == .damaged {
      return false
    } catch is Failure {}
    if case .segment(let path) = try store.holder(ofRecord: key) { changed.insert(path) }
    return true
  }
}
