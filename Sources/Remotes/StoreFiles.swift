public import Artefacts
import System

/// A store of this machine, or one on a network's file system, as a place that keeps files: objects that share a segment
/// look as if each had a file of its own.
public struct StoreFiles: RemoteFiles {
  public let name: String
  let store: Store
  /// Whether many small objects that are put there share a segment.
  let gathers: Bool

  /// - Parameter gathers: whether small objects that come many at once share a segment, or each gets a file of its own.
  public init(_ store: Store, name: String? = nil, gathers: Bool = true) {
    self.store = store
    self.name = name ?? store.root
    self.gathers = gathers
  }

  public func present(among paths: [String]) async throws -> Set<String> {
    var present: Set<String> = []
    for path in paths {
      let isThere =
        switch StorePath(path) {
        case .object(let digest): try isThere(digest)
        case .record(let key): try store.hasRecord(key)
        case .signatures(let key): try store.signatures(of: key) != nil
        case .reference(let name): try store.reference(name) != nil
        case .shared: false
        // A folder becomes a store when something is put into it.
        case .format: true
        case nil: throw unknown(path)
        }
      if isThere { present.insert(path) }
    }
    return present
  }

  /// Who asks may send something that names it, and so relies on it.
  private func isThere(_ digest: Digest) throws -> Bool {
    guard try store.contains(digest) else { return false }
    store.rely(on: digest)
    return try store.contains(digest)
  }

  public func read(_ landings: [Landing]) async throws {
    try await Lanes.run(2, landings) { landing in
      try Task.checkCancellation()
      do {
        if try read(landing) { landing.arrive() } else { landing.miss() }
      } catch {
        landing.fail(error)
      }
    }
  }

  /// - Returns: whether there is such a file.
  private func read(_ landing: Landing) throws -> Bool {
    switch StorePath(landing.path) {
    case .object(let digest):
      guard try store.contains(digest) else { return false }
      if let bytes = try store.objectFileOfEntry(digest) {
        try bytes.withUnsafeBytes { try landing.append($0, from: name) }
        return true
      }
      try store.withObjectFile(digest) { path in
        let file = try InputFile(path, files: store.files)
        try file.pieces { try landing.append($0, from: name) }
      }
    case .record(let key):
      guard let bytes = try store.record(key)?.storedBytes else { return false }
      try bytes.withUnsafeBytes { try landing.append($0, from: name) }
    case .signatures(let key):
      guard let bytes = try store.signatures(of: key)?.bytes else { return false }
      try bytes.withUnsafeBytes { try landing.append($0, from: name) }
    case .reference(let name):
      guard let digest = try store.reference(name) else { return false }
      try Array("\(digest)\n".utf8).withUnsafeBytes { try landing.append($0, from: self.name) }
    case .shared: return false
    case .format:
      guard try store.files.status(store.root + "/" + landing.path) != nil else { return false }
      try Array("brake store 2\n".utf8).withUnsafeBytes { try landing.append($0, from: name) }
    case nil: throw unknown(landing.path)
    }
    return true
  }

  public func write(_ shipments: [Shipment]) async throws {
    let publication = gathers ? store.gatheringPublication() : store.publication()
    var references: [(name: String, digest: Digest)] = []
    var lists: [[Digest]] = []
    var signatures: [Digest: RecordSignatures] = [:]
    var recorded: [Artefact] = []
    var sent: Set<Digest> = []
    for shipment in shipments {
      try Task.checkCancellation()
      if case .object(let digest)? = StorePath(shipment.path) { sent.insert(digest) }
      switch (StorePath(shipment.path), shipment.content) {
      case (.object(let digest), .object(_, of: let source)):
        let path = try publication.newPath()
        try source.withObjectFile(digest) { original in
          let file = try InputFile(original, files: source.files)
          try store.files.copy(0..<file.size, of: file, to: path, mode: 0o444)
          shipment.sent(file.size)
        }
        try publication.adopt(objectFile: path, as: digest)
      case (.object(let digest), .file(let path)):
        try publication.adopt(objectFile: path, as: digest)
        shipment.sent(0)
      case (.object(let digest), .bytes(let bytes)):
        try take(bytes, as: digest, publication)
        shipment.sent(bytes.count)
      case (.record(let key), .bytes(let bytes)):
        let record = try Record(storedBytes: bytes, key: key)
        recorded += record.artefacts
        try publication.add(record: record, isReplacing: false)
        shipment.sent(bytes.count)
      case (.signatures(let key), .bytes(let bytes)):
        signatures[key] = try RecordSignatures(bytes: bytes, of: key)
        shipment.sent(bytes.count)
      case (.shared(let name), .bytes(let bytes)):
        let list = DigestList.digests(bytes)
        guard Store.sharedList(of: list).name == name.hex else {
          throw Failure(.malformed, "what was sent as the list \(name.hex) is no such list")
        }
        lists.append(list)
      case (.reference(let name), .bytes(let bytes)):
        guard let digest = Digest(String(decoding: bytes.dropLast(), as: UTF8.self)), bytes.last == 10 else {
          throw Failure(.malformed, "what was sent as the reference '\(name)' is no digest")
        }
        references.append((name, digest))
      // A folder becomes a store when something is put into it.
      case (.format, .bytes): break
      default: throw unknown(shipment.path)
      }
    }
    // They stay beside those that others have sent.
    if !signatures.isEmpty { try store.add(signatures) }
    try store.leavingOut(recorded, coming: sent) { try commit(publication) }
    for list in lists { try store.noteShared(list) }
    for reference in references { try store.setReference(reference.name, to: reference.digest) }
  }

  /// What goes into a segment is named before anything that leads to it, also if something else went wrong.
  private func commit(_ publication: Publication) throws {
    defer { if gathers { store.sealSegment() } }
    try publication.commit()
  }

  private func take(_ bytes: [UInt8], as digest: Digest, _ publication: Publication) throws {
    if try publication.adopt(objectFile: bytes, as: digest) { return }
    let path = try publication.newPath()
    try store.files.write(bytes, to: path)
    try publication.adopt(objectFile: path, as: digest)
  }

  func unknown(_ path: String) -> Failure {
    Failure(.refused, "'\(path)' is not the name of an object, a record, its signatures or a reference")
  }
}

extension InputFile {
  /// Hands out all bytes in order, at most a mebibyte at a time.
  func pieces(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: min(max(size, 1), 1 << 20), alignment: 64)
    defer { buffer.deallocate() }
    var offset = 0
    while offset < size {
      let count = try read(into: buffer, at: offset)
      if count == 0 { throw changed }
      try body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      offset += count
    }
  }
}
