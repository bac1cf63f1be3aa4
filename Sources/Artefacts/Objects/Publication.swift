internal import Synchronization
internal import System

/// Objects and records on their way into the store. Nothing of it can be seen before `commit`, and everything is durable
/// after it. Many may be open at once, for the same store and the same bytes.
public final class Publication: Sendable {
  private let store: Store
  private let pending = Mutex(Pending())

  /// What was written to `tmp/` and is to be renamed.
  private struct Pending {
    /// In the order in which they were added, so that what a tree names stands before it.
    private(set) var objects: [Object] = []
    private var paths: Set<String> = []
    /// By path in the store.
    var records: [String: PendingRecord] = [:]
    /// Folders with objects that were there already, perhaps renamed a moment ago by a process that has not
    /// synchronised them.
    var folders: Set<String> = []

    /// Made before the first write.
    var flush: Flush?

    struct PendingRecord {
      let key: Digest
      let temporary: String
      let isReplacing: Bool
    }

    struct Object {
      let digest: Digest
      let path: String
      let temporary: String
    }

    func contains(_ path: String) -> Bool { paths.contains(path) }

    /// - Returns: the temporary file of an object that was there already.
    mutating func add(_ object: Object) -> String? {
      if !paths.insert(object.path).inserted { return object.temporary }
      objects.append(object)
      return nil
    }

    var temporaries: [String] { objects.map(\.temporary) + records.values.map(\.temporary) }
  }

  init(store: Store) { self.store = store }

  deinit { abandon() }

  /// A file (blob) or folder (tree) from outside the store, streamed.
  /// - Parameter known: remembers the digests of files. A file that it knows, and whose object in the store is
  ///   sound, is not read; what had to be read is remembered.
  public func add(path: String, known: StatCache? = nil) throws -> Artefact {
    let walk = FolderWalk(
      files: store.files,
      file: { path, status in
        if let artefact = known?.remembered(status), (try? self.store.verify(artefact.digest)) != nil {
          self.noteStored(artefact.digest)
          return artefact
        }
        let moment = SystemTime.monotonic()
        let file = try InputFile(path, files: self.store.files)
        let plan = try ChunkPlan.chunks(of: file)
        let source = ByteSource(size: file.size) { buffer, offset in
          if try file.read(into: buffer, at: offset) < buffer.count { throw file.changed }
        }
        let artefact = try self.add(source, plan, check: { try file.checkUnchanged() })
        known?.remember(artefact, as: file.status, at: path, since: moment)
        return artefact
      },
      manifest: { try self.add(bytes: $0).digest })
    return try walk.node(at: path)
  }

  public func add(bytes: [UInt8]) throws -> Artefact {
    let plan = ChunkPlan.chunks(of: bytes)
    return try bytes.withUnsafeBytes { raw in
      let source = ByteSource(size: raw.count) { buffer, offset in
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: raw[offset..<offset + buffer.count]))
      }
      return try add(source, plan, check: {})
    }
  }

  /// - Parameter isReplacing: whether it takes the place of a record with the same key; otherwise the first one stays.
  /// - Throws: `.refused` if a name in it is one that no reader would accept.
  public func add(record: Record, isReplacing: Bool = true) throws {
    if let fault = record.fault {
      throw Failure(
        .refused, "the record of '\(record.stage)' cannot be kept: \(fault)", hint: "use another name")
    }
    let bytes = RecordFile.bytes(record)
    if bytes.count > RecordFile.limit {
      throw Failure(
        .refused, "the record of '\(record.stage)' would be larger than \(RecordFile.limit >> 20) MiB",
        hint: "a stage with so many outputs or inputs can put them into folders")
    }
    let temporary = try temporaryPath()
    try store.files.writeFile(temporary, mode: 0o444) { try bytes.withUnsafeBytes($0) }
    let replaced = pending.withLock {
      $0.records.updateValue(
        .init(key: record.key, temporary: temporary, isReplacing: isReplacing),
        forKey: store.recordPath(record.key))?.temporary
    }
    if let replaced { try store.files.remove(replaced) }
  }

  /// Makes everything durable and visible, records after objects. The publication is empty afterwards, whether this
  /// returns or throws; after an error some of its objects may be in the store, but none of its records is promised.
  /// - Returns: the keys of records that were there already and stayed.
  @discardableResult public func commit() throws -> [Digest] { try Publication.commit([self]) }

  /// Removes what was written. Also done when a publication is dropped without commit.
  public func abandon() {
    for temporary in take().temporaries { try? store.files.remove(temporary) }
  }

  /// Commits several publications of one store at once, with the cost of one. If it throws, none of them is promised.
  /// - Returns: the keys of records that were there already and stayed.
  @discardableResult public static func commit(_ publications: [Publication]) throws -> [Digest] {
    guard let store = publications.first?.store else { return [] }
    precondition(publications.allSatisfy { $0.store === store }, "publications of different stores")
    var all = Pending()
    var left: [String] = []
    for publication in publications {
      let pending = publication.take()
      left += pending.objects.compactMap { all.add($0) }
      for (path, record) in pending.records {
        if let older = all.records.updateValue(record, forKey: path) { left.append(older.temporary) }
      }
      all.folders.formUnion(pending.folders)
      // The one that was made first knows of all errors.
      if let flush = pending.flush, all.flush.map({ flush.number < $0.number }) ?? true { all.flush = flush }
    }
    do {
      for path in left { try store.files.remove(path) }
      return try commit(all, to: store)
    } catch {
      for path in all.temporaries + left { try? store.files.remove(path) }
      throw error
    }
  }

  private static func commit(_ all: Pending, to store: Store) throws -> [Digest] {
    if all.objects.isEmpty && all.records.isEmpty && all.folders.isEmpty { return [] }
    let files = store.files
    let flush = try all.flush ?? Flush(around: store.root, files: files)
    try flush.synchronise(all.temporaries)

    var objects = all.objects.makeIterator()
    try place(all.objects.map(\.path), in: store, with: all.folders, flush) { path in
      guard let object = objects.next() else { return }
      // Whatever has this name holds the same bytes, or is damaged and is moved away by looking at it.
      var attempts = 0
      while try !files.renameIfAbsent(object.temporary, to: path) {
        do {
          try store.check(object.digest)
          return try files.remove(object.temporary)
        } catch let error as Failure where error.isMendedByWriting && attempts < 3 {
          if error.code == .unreadable { try store.setAside(object.digest) }
          attempts += 1
        }
      }
    }
    var stayed: [Digest] = []
    try place(all.records.keys.sorted(), in: store, with: [], flush) { path in
      guard let record = all.records[path] else { return }
      if !record.isReplacing {
        if try files.renameIfAbsent(record.temporary, to: path) { return }
        // Durable, too, once the folder is: whoever put it there may not have got so far.
        stayed.append(record.key)
        return try files.remove(record.temporary)
      }
      try store.checkReplaceable(recordAt: path, key: record.key)
      try files.rename(record.temporary, to: path)
    }
    return stayed
  }

  /// Renames files into place, in this order, and makes their names durable.
  private static func place(
    _ paths: [String], in store: Store, with others: Set<String>, _ flush: Flush,
    _ rename: (String) throws -> Void
  ) throws {
    var changed = others
    for path in paths {
      changed.formUnion(try store.prepareFolder(for: path))
      changed.insert(parentFolder(of: path))
      try rename(path)
    }
    try flush.synchronise(changed.sorted())
    store.noteDurable(paths.map(parentFolder))
  }

  private func add(_ source: ByteSource, _ plan: [ChunkPlan], check: () throws -> Void) throws -> Artefact {
    let writer = ObjectWriter(files: store.files, pool: store.coders)
    let result = try writer.write(source, plan, to: temporaryPath) { digest in
      try check()
      let path = store.objectPath(digest)
      if pending.withLock({ $0.contains(path) }) { return true }
      do { try store.check(digest) } catch let error as Failure where error.isMendedByWriting {
        return false
      }
      noteStored(digest)
      return true
    }
    if let temporary = result.path {
      let digest = result.artefact.digest
      let twice = pending.withLock {
        $0.add(.init(digest: digest, path: store.objectPath(digest), temporary: temporary))
      }
      if let twice { try store.files.remove(twice) }
    }
    return result.artefact
  }

  /// Where to write.
  private func temporaryPath() throws -> String {
    let path = try store.temporaryPath()
    try pending.withLock { pending throws(Failure) in
      if pending.flush == nil { pending.flush = try Flush(around: store.root, files: store.files) }
    }
    return path
  }

  private func noteStored(_ digest: Digest) {
    let folder = parentFolder(of: store.objectPath(digest))
    pending.withLock { _ = $0.folders.insert(folder) }
  }

  private func take() -> Pending {
    pending.withLock { pending in
      defer { pending = Pending() }
      return pending
    }
  }
}

extension Failure {
  /// Whether it is about an object that is to be replaced by one that was just written.
  fileprivate var isMendedByWriting: Bool { isLoss || code == .unreadable }
}

extension Store {
  /// Starts a batch: nothing of it is visible before `commit`, everything is durable after it.
  public func publication() -> Publication { Publication(store: self) }

  /// Reads an object and checks its digest. A damaged one is moved to `quarantine/`.
  fileprivate func check(_ digest: Digest) throws {
    guard try contains(digest) else {
      throw Failure(.notFound, "there is no object \(digest) in \(root)")
    }
    try stream(digest) { _ in }
  }
}
