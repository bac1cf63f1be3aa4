internal import Glibc
internal import System

/// What comes from other stores. Nothing of it is believed before every byte was checked.
extension Publication {
  /// A name for a file that is to be adopted: in the store's `tmp/`, where a rename brings it to its place.
  public func newPath() throws -> String { try temporaryPath() }

  /// Takes an object file as another store keeps it. It is decoded as a whole, and its bytes must have the digest.
  ///
  /// - Parameters:
  ///   - path: one of `newPath`. The file is gone or belongs to the publication afterwards, whatever happens.
  ///   - wanted: the object's bytes; nil where nobody knows.
  /// - Throws: `.damaged` if it is no sound object file of this digest, `.newer` if it is in a later version.
  public func adopt(objectFile path: String, as digest: Digest, size wanted: Int? = nil) throws {
    var isTaken = false
    defer { if !isTaken { try? store.files.remove(path) } }
    do {
      let reader = try ObjectReader(InputFile(path, files: store.files))
      if reader.footer.digest != digest { throw Damage("it is the object \(reader.footer.digest)") }
      let size = reader.footer.size
      if let wanted, size != wanted { throw Damage("it has \(size) bytes, and not \(wanted)") }
      if size <= SegmentFormat.objectLimit {
        var bytes: [UInt8] = []
        try reader.stream(store.coders) { bytes += $0 }
        _ = try add(bytes: bytes)
        return
      }
      try reader.stream(store.coders) { _ in try Task.checkCancellation() }
      if try isThere(digest) { return }
      try store.files.setMode(path, to: 0o444)
      isTaken = true
      try note(
        .init(
          artefact: Artefact(digest: digest, kind: reader.footer.kind, size: size), content: .file(path)))
    } catch let damage as Damage {
      throw Failure(
        .damaged, "what came as the object \(digest) is not it: \(damage.reason)", hint: nil, object: digest)
    }
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
      try files.close(file, path: path)
    } catch {
      try? files.close(file, path: path)
      throw error
    }
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
      let reader = try ObjectReader(InputFile(path, files: files))
      if reader.footer.digest != digest { throw Damage("it is the object \(reader.footer.digest)") }
      try reader.stream(coders) {
        try Task.checkCancellation()
        try body($0)
      }
    } catch let damage as Damage {
      throw Failure(
        .damaged, "what came as the object \(digest) is not it: \(damage.reason)", hint: nil, object: digest)
    }
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
  /// Hands out the path of a file that holds an object as a store keeps it. Its bytes are not looked at.
  ///
  /// - Parameter body: gets the file's path; it may be gone afterwards.
  public func withObjectFile<Result>(_ digest: Digest, _ body: (String) throws -> Result) throws -> Result {
    try checkFolder(of: objectPath(digest))
    if try files.status(objectPath(digest)) != nil { return try body(objectPath(digest)) }
    // One that stands among others in a segment gets a file for as long as this lasts.
    let bytes = try bytes(of: digest)
    let plan = ChunkPlan.chunks(of: bytes)
    let result = try bytes.withUnsafeBytes { raw in
      let source = ByteSource(size: raw.count) { buffer, offset in
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: raw[offset..<offset + buffer.count]))
      }
      return try ObjectWriter(files: files, pool: coders).write(
        source, plan, to: { scratchPath() }, unless: { _ in false })
    }
    defer { try? files.remove(result.path!) }
    return try body(result.path!)
  }

  /// Where a file may stand for a moment: in `tmp/`, or outside a store that cannot be written to.
  private func scratchPath() -> String {
    if let path = try? temporaryPath() { return path }
    let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    return "\(folder)/brake-\(ProcessFolder.randomName())"
  }
}
