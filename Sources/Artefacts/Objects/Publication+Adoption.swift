internal import Glibc
internal import System

/// What comes from other stores. Nothing of it is believed before every byte was checked.
extension Publication {
  /// A name for a file that is to be adopted: in the store's `tmp/`, where a rename brings it to its place.
  public func newPath() throws -> String { try temporaryPath() }

  /// Takes an object file as another store keeps it. It is decoded as a whole, and its bytes must have the digest. One that is a
  /// difference from another object is stored as what stands for itself.
  ///
  /// - Parameters:
  ///   - path: one of `newPath`. The file is gone or belongs to the publication afterwards, whatever happens.
  ///   - wanted: the object's bytes; nil where nobody knows.
  ///   - bases: files of objects that it may be a difference from and that the store does not have.
  /// - Throws: `.damaged` if it is no sound object file of this digest, `.newer` if it is in a later version, `.unreadable`
  ///   if it is a difference from an object that is nowhere here.
  public func adopt(
    objectFile path: String, as digest: Digest, size wanted: Int? = nil, bases: [Digest: String] = [:]
  ) throws {
    var isTaken = false
    defer { if !isTaken { try? store.files.remove(path) } }
    do {
      let bases = store.bases(besides: bases)
      let object = try ObjectFile(InputFile(path, followingLinks: false, files: store.files), as: digest)
      let reader = ObjectReader(object)
      let size = reader.footer.size
      if let wanted, size != wanted { throw Damage("it has \(size) bytes, and not \(wanted)") }
      if size <= SegmentFormat.objectLimit {
        var bytes: [UInt8] = []
        try reader.stream(store.coders, bases: bases) { bytes += $0 }
        _ = try add(bytes: bytes)
        return
      }
      try reader.stream(store.coders, bases: bases) { _ in try Task.checkCancellation() }
      if try isThere(digest) { return }
      if reader.footer.base != nil { return try add(CodedObject(object, bases: bases)) }
      try store.files.setMode(path, to: 0o444)
      isTaken = true
      try note(
        .init(
          artefact: Artefact(digest: digest, kind: reader.footer.kind, size: size), content: .file(path)))
    } catch let damage as Damage {
      throw Failure.notIt(digest, damage)
    } catch let loss as LostBase {
      throw loss.failure(ofArrived: digest)
    }
  }

  /// Takes the bytes of an object file as another store keeps it, of an object that is small enough for a segment. The same is checked as
  /// of a file.
  /// - Returns: false if it is to be adopted as a file: it is a difference from another object, or larger.
  public func adopt(objectFile bytes: [UInt8], as digest: Digest, size wanted: Int? = nil) throws -> Bool {
    do {
      let file = InputFile("what came", size: bytes.count) { buffer, offset throws(Failure) in
        let count = max(0, min(buffer.count, bytes.count - offset))
        if count > 0 { buffer.copyBytes(from: bytes[offset..<offset + count]) }
        return count
      }
      let reader = ObjectReader(try ObjectFile(file, as: digest))
      let size = reader.footer.size
      if let wanted, size != wanted { throw Damage("it has \(size) bytes, and not \(wanted)") }
      guard size <= SegmentFormat.objectLimit, reader.footer.base == nil else { return false }
      var content: [UInt8] = []
      try reader.stream(store.coders, bases: store.bases) { content += $0 }
      _ = try add(bytes: content)
      return true
    } catch let damage as Damage {
      throw Failure.notIt(digest, damage)
    }
  }

  /// Adds an object that was checked and is a difference from another one.
  private func add(_ object: CodedObject) throws {
    let worker = ChunkWorker(ChunkCoder())
    let source = ByteSource(size: object.size) { try object.read(into: $0, at: $1, by: worker) }
    let artefact = try add(source, ChunkPlan.chunks(of: source), check: {})
    guard artefact.digest == object.footer.digest else { throw Damage("its bases were changed") }
  }

  /// Reads an object from another place and adds it if it has its digest.
  func add(_ object: WantedObject, from source: some ObjectSource) async throws {
    let digest = object.digest
    let path = try newPath()
    let files = store.files
    defer { try? files.remove(path) }
    let file = try files.create(path, mode: 0o600)
    do {
      var count = 0
      try await source.read(digest) { piece in
        count += piece.count
        if let size = object.size, count > size {
          throw Failure(.damaged, "what was sent as \(digest) is longer than that")
        }
        try files.write(piece, to: file, path: path)
      }
    } catch {
      try? files.close(file, path: path)
      throw error
    }
    // Closed once, even if that fails: its number may be another file's by then.
    try files.close(file, path: path)
    guard try StatCache.artefact(reading: path, files: files).digest == digest else {
      throw Failure(.damaged, "what was sent as \(digest) are other bytes")
    }
    _ = try add(path: path)
  }
}

extension Store {
  /// A name under `tmp/` that nothing has, for a file of this process.
  public func newFilePath() throws -> String { try temporaryPath() }

  /// Hands out the bytes of an object from its file as another store keeps it, in pieces and in order. They are known to
  /// be right only once this returns.
  public func stream(
    objectFile path: String, as digest: Digest, _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    do {
      let reader = ObjectReader(
        try ObjectFile(InputFile(path, followingLinks: false, files: files), as: digest))
      try reader.stream(coders, bases: bases(besides: [:])) {
        try Task.checkCancellation()
        try body($0)
      }
    } catch let damage as Damage {
      throw Failure.notIt(digest, damage)
    } catch let loss as LostBase {
      throw loss.failure(ofArrived: digest)
    }
  }

  /// The objects that the one in an object file is a difference from; none if it stands for itself.
  public func bases(ofObjectFile path: String, as digest: Digest) throws -> [Digest] {
    do {
      return try ObjectFile(InputFile(path, followingLinks: false, files: files), as: digest).footer.bases
    } catch let damage
      as Damage
    {
      throw Failure.notIt(digest, damage)
    }
  }

  /// Where the files of bases are found: among some that came from elsewhere, or in the store.
  fileprivate func bases(besides others: [Digest: String]) -> BaseSource {
    BaseSource(
      open: { [bases, files] digest in
        guard let path = others[digest] else { return try bases.open(digest) }
        return try InputFile(path, followingLinks: false, files: files)
      },
      damaged: { [bases] digest, status, damage in
        others[digest] == nil ? bases.damaged(digest, status, damage) : Failure.notIt(digest, damage)
      })
  }
}

extension Failure {
  fileprivate static func notIt(_ digest: Digest, _ damage: Damage) -> Failure {
    Failure(
      .damaged, "what came as the object \(digest) is not it: \(damage.reason)", hint: nil, object: digest)
  }
}

extension LostBase {
  fileprivate func failure(ofArrived digest: Digest) -> Failure {
    Failure(
      .unreadable,
      "what came as the object \(digest) is a difference from another one, \(base), which cannot be had: "
        + cause.headline,
      hint: "'brake repack --undo' in the store that it comes from writes what stands for itself",
      object: digest,
      cause: cause)
  }
}

extension Record {
  /// Reads the bytes of a record as a store keeps it.
  /// - Throws: a `Failure` if they are none, or the record of another action, or hold a name that none may be.
  public init(storedBytes bytes: [UInt8], key: Digest) throws {
    do { self = try RecordFile.read(bytes, key: key) } catch let damage as Damage {
      throw Failure(.damaged, "what came as the record \(key) is not it: \(damage.reason)")
    }
  }

  /// Its bytes as a store keeps it.
  public var storedBytes: [UInt8] { RecordFile.bytes(self) }

  /// Bytes of a record, at most.
  public static var sizeLimit: Int { RecordFile.limit }
}

extension Store {
  /// Hands out the path of a file that holds an object as a store keeps it that has no other one. The bytes of one that has
  /// such a file are not looked at.
  ///
  /// - Parameter body: gets the file's path; it may be gone afterwards.
  public func withObjectFile<Result>(_ digest: Digest, _ body: (String) throws -> Result) throws -> Result {
    try checkFolder(of: objectPath(digest))
    if try files.status(objectPath(digest)) != nil, try bases(of: digest).isEmpty {
      return try body(objectPath(digest))
    }
    // One that stands among others in a segment, or is a difference from another one, gets a file for as long as this lasts.
    let path = scratchPath()
    defer { try? files.remove(path) }
    let object = try StoredObject(digest, in: self)
    let source = ByteSource(size: object.size, read: object.read)
    let result = try ObjectWriter(files: files, pool: coders).write(
      source, ChunkPlan.chunks(of: source), to: { path }, unless: { _ in false })
    if result.artefact.digest != digest { try check(digest) }
    return try body(path)
  }

  /// Hands out the path of the file that an object has in this store, which may be a difference from another object.
  ///
  /// - Parameter body: gets the file's path; it may be gone afterwards.
  public func withKeptFile<Result>(_ digest: Digest, _ body: (String) throws -> Result) throws -> Result {
    let path = objectPath(digest)
    try checkFolder(of: path)
    return try files.status(path) != nil ? body(path) : withObjectFile(digest, body)
  }

  /// Where a file may stand for a moment: in `tmp/`, or outside a store that cannot be written to.
  func scratchPath() -> String {
    if let path = try? temporaryPath() { return path }
    return "\(TemporaryPlace.path)/brake-\(ProcessFolder.randomName())"
  }
}
