internal import System

/// What others say of how artefacts were made, kept in `told/`. Anybody can say anything, so a run never looks here: only who asks
/// where an artefact comes from, or computes it once more to see whether that is true.
extension Store {
  /// Keeps a record that somebody else has sent, durably.
  /// - Parameter place: where it came from.
  public func add(toldBy record: Record, from place: String? = nil) throws {
    let temporary = try prepareTold(record)
    try files.replace("\(toldFolder)/\(record.key.hex)", with: RecordFile.bytes(record), by: temporary)
    try noteOrigin(place, of: record.key)
  }

  /// Keeps records that a run has taken for results from another place. Nothing depends on them, so that they need not be durable,
  /// and none is written that is there already.
  public func note(told records: [Record], from place: String?) throws {
    for record in records {
      let path = "\(toldFolder)/\(record.key.hex)"
      let bytes = RecordFile.bytes(record)
      if try files.contents(of: path, limit: RecordFile.limit) == bytes { continue }
      let temporary = try prepareTold(record)
      try files.writeFile(temporary, mode: 0o666) { try bytes.withUnsafeBytes($0) }
      try files.rename(temporary, to: path)
      try noteOrigin(place, of: record.key)
    }
  }

  /// What another place has said of an action; nil if none has, or it is damaged.
  public func toldRecord(_ key: Digest) throws -> Record? {
    guard try files.entry(toldFolder)?.isFolder == true,
      let bytes = try files.contents(of: "\(toldFolder)/\(key.hex)", limit: RecordFile.limit)
    else { return nil }
    return try? RecordFile.read(bytes, key: key)
  }

  /// Whether there is such a record (its bytes are not looked at).
  func isTold(_ key: Digest) throws -> Bool { try files.entry("\(toldFolder)/\(key.hex)")?.isFile == true }

  /// Where what is told of an action came from; nil if that is not known.
  public func originOfTold(_ key: Digest) -> String? {
    let bytes = (try? files.contents(of: originPath(key), limit: 4096)) ?? nil
    return bytes.flatMap { String(validating: $0, as: UTF8.self) }?.split(separator: "\n").first.map(
      String.init)
  }

  /// Sorted by key. What is damaged or cannot be read is as if it were not there.
  public func toldRecords() throws -> [Record] {
    guard try files.entry(toldFolder)?.isFolder == true else { return [] }
    return try files.names(in: toldFolder).sorted().compactMap { name in
      guard let key = Digest(name), name == key.hex else { return nil }
      return try toldRecord(key)
    }
  }

  /// Removes what is told of actions, unless it was written after a time, by `timeOfFiles`.
  public func removeTold(_ keys: [Digest], writtenBefore limit: Int64) throws {
    for key in keys {
      let status = try files.entry("\(toldFolder)/\(key.hex)")
      guard let status, status.modified < limit else { continue }
      try? files.remove(originPath(key))
      try files.remove("\(toldFolder)/\(key.hex)")
    }
  }

  private func prepareTold(_ record: Record) throws -> String {
    if let fault = record.fault {
      throw Failure(.refused, "the record \(record.key) is not believed: \(fault)")
    }
    let temporary = try temporaryPath()
    try makeFolders(toldFolder)
    return temporary
  }

  private func noteOrigin(_ place: String?, of key: Digest) throws {
    guard let place else {
      try? files.remove(originPath(key))
      return
    }
    try files.write(Array("\(place)\n".utf8), to: originPath(key))
  }

  private func originPath(_ key: Digest) -> String { "\(toldFolder)/\(key.hex).from" }
  private var toldFolder: String { root + "/told" }
}
