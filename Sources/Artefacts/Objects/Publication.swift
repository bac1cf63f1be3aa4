internal import Synchronization
internal import System

/// Objects and records on their way into the store. Nothing of it can be seen before `commit`, and everything is durable
/// after it. Many may be open at once, for the same store and the same bytes.
public final class Publication: Sendable {
  let store: Store
  /// Whether small objects go into a segment without a record of an action.
  let gathers: Bool
  private let pending = Mutex(Pending())

  init(store: Store, gathers: Bool = false) {
    self.store = store
    self.gathers = gathers
  }

  deinit { abandon() }

  /// A file (blob) or folder (tree) from outside the store, streamed.
  /// - Parameter known: remembers the digests of files. A file that it knows, and whose object in the store is
  ///   sound, is not read; what had to be read is remembered.
  public func add(path: String, known: StatCache? = nil) throws -> Artefact {
    let walk = FolderWalk(
      files: store.files,
      file: { path, status in
        if let artefact = known?.remembered(status), (try? self.store.verify(artefact.digest)) != nil {
          try self.noteStored(artefact.digest)
          if try self.store.contains(artefact.digest) { return artefact }
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

  /// A folder of artefacts that are in the store or were added here before.
  /// - Throws: `.refused` if a name cannot be one, or there are two of it.
  public func add(folder entries: [(name: String, artefact: Artefact)]) throws -> Artefact {
    let tree = try Tree(
      entries: entries.map { name, artefact in
        Tree.Entry(
          name: name, mode: artefact.kind == .tree ? .tree : .file, size: artefact.size,
          digest: artefact.digest)
      })
    return Artefact(digest: try add(bytes: tree.manifest).digest, kind: .tree, size: tree.size)
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
    try store.make()
    let isSmall = bytes.count <= SegmentFormat.recordLimit
    let content: Pending.Content = isSmall ? .memory(bytes) : .file(try temporaryFile(bytes))
    let older = pending.withLock {
      $0.add(.init(key: record.key, content: content, isReplacing: isReplacing))
    }
    if let older { try store.files.remove(older) }
  }

  /// Adds what is to be known of a record and is no part of it, such as how long it took: it is kept where the record stands
  /// among many others in a segment, and nowhere otherwise.
  public func add(note: [UInt8], of key: Digest) {
    if note.count <= SegmentFormat.noteLimit { pending.withLock { $0.notes[key] = note } }
  }

  /// Makes everything durable and visible, records after objects. The publication is empty afterwards, whether this
  /// returns or throws; after an error some of its objects may be in the store, but none of its records is promised.
  /// - Returns: the keys of records that were there already and stayed.
  @discardableResult public func commit() throws -> [Digest] { try Publication.commit([self]) }

  /// Removes what was written. Also done when a publication is dropped without commit.
  public func abandon() {
    for temporary in take().temporaries { try? store.files.remove(temporary) }
  }

  func add(_ source: ByteSource, _ plan: [ChunkPlan], check: () throws -> Void) throws -> Artefact {
    let limit = gathers ? Pending.gatheredLimit : Pending.sizeLimit
    if source.size <= SegmentFormat.objectLimit, pending.withLock({ $0.size + source.size <= limit }) {
      return try addSmall(source, check: check)
    }
    let writer = ObjectWriter(files: store.files, pool: store.coders)
    let result = try writer.write(source, plan, to: temporaryPath) { digest in
      try check()
      return try isThere(digest)
    }
    if let temporary = result.path {
      try note(.init(artefact: result.artefact, content: .file(temporary)))
    }
    return result.artefact
  }

  /// What is small waits in memory, since it may go into a segment.
  private func addSmall(_ source: ByteSource, check: () throws -> Void) throws -> Artefact {
    var bytes = [UInt8](repeating: 0, count: source.size)
    var identity = ContentIdentity(size: source.size)
    try bytes.withUnsafeMutableBytes {
      if !$0.isEmpty { try source.read($0, 0) }
      identity.update(UnsafeRawBufferPointer($0))
    }
    let artefact = identity.finalize()
    try check()
    if try isThere(artefact.digest) { return artefact }
    // What cannot become a store is refused now, not at the end. One that cannot be written to may hold all that is added.
    try store.make()
    try note(.init(artefact: artefact, content: .memory(bytes)))
    return artefact
  }

  /// What an object is that was added and not committed yet; nil if it was not added, or was in the store already.
  public func kind(of digest: Digest) -> Artefact.Kind? {
    pending.withLock { $0.objects.first { $0.digest == digest }?.artefact.kind }
  }

  /// The file of an object that was added and not committed yet: others may be differences from it. Nil for one that waits in memory.
  public func file(of digest: Digest) -> String? {
    pending.withLock { $0.contains(digest) ? $0.objects.first { $0.digest == digest }?.content.path : nil }
  }

  func note(_ object: Pending.Object) throws {
    if let twice = pending.withLock({ $0.add(object) }) { try store.files.remove(twice) }
  }

  /// Whether an object needs not be stored, since it is in the store or on its way.
  func isThere(_ digest: Digest) throws -> Bool {
    if pending.withLock({ $0.contains(digest) }) { return true }
    do { try store.check(digest) } catch let error as Failure where error.isMendedByWriting {
      if error.code != .notFound { pending.withLock { $0.isMending = true } }
      return false
    }
    try noteStored(digest)
    // Who collects may have set it aside before it could know that it is relied on.
    return try store.contains(digest)
  }

  /// Where to write.
  func temporaryPath() throws -> String {
    let path = try store.temporaryPath()
    try pending.withLock { pending throws(Failure) in
      if pending.flush == nil { pending.flush = try Flush(around: store.root, files: store.files) }
    }
    return path
  }

  /// Writes a record as it will stand in the store.
  func temporaryFile(_ bytes: [UInt8]) throws -> String {
    let temporary = try temporaryPath()
    try store.files.writeFile(temporary, mode: 0o444) { try bytes.withUnsafeBytes($0) }
    return temporary
  }

  /// Writes an object that was in memory as it will stand in the store.
  func temporaryFile(_ object: Pending.Object) throws -> String {
    guard case .memory(let bytes) = object.content else { return object.content.path! }
    let result = try bytes.withUnsafeBytes { raw in
      let source = ByteSource(size: raw.count) { buffer, offset in
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: raw[offset..<offset + buffer.count]))
      }
      return try ObjectWriter(files: store.files, pool: store.coders).write(
        source, ChunkPlan.chunks(of: bytes), to: temporaryPath, unless: { _ in false })
    }
    return result.path!
  }

  /// An object that is in the store is relied on from now on: whoever collects what is not needed leaves it.
  private func noteStored(_ digest: Digest) throws {
    store.rely(on: digest)
    let path = store.objectPath(digest)
    if try store.files.status(path) == nil, let place = try store.segments.find(.object(digest)) {
      if store.segments.isDurable(place.file) { return }
      pending.withLock {
        $0.shared.insert(place.file.path)
        $0.segments[place.file.name] = place.file
      }
    } else {
      pending.withLock { _ = $0.shared.insert(parentFolder(of: path)) }
    }
  }

  func take() -> Pending {
    pending.withLock { pending in
      defer { pending = Pending() }
      return pending
    }
  }
}

extension Failure {
  /// Whether it is about an object that is to be replaced by one that was just written.
  var isMendedByWriting: Bool { isLoss || code == .unreadable }
}

extension Store {
  /// Starts a batch: nothing of it is visible before `commit`, everything is durable after it.
  public func publication() -> Publication { Publication(store: self) }

  /// The same for what comes from elsewhere: where sixteen small objects or more are committed at once, they go into a segment.
  public func gatheringPublication() -> Publication { Publication(store: self, gathers: true) }

  /// Reads an object and checks its digest. A damaged one is moved to `quarantine/`.
  func check(_ digest: Digest) throws {
    guard try contains(digest) else {
      throw Failure(.notFound, "there is no object \(digest) in \(root)")
    }
    try stream(digest) { _ in }
  }
}
