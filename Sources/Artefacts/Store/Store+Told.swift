internal import System

/// What others say of how artefacts were made, kept in `told/`. Anybody can say anything, so a run never looks here: only who asks
/// where an artefact comes from does.
extension Store {
  /// Keeps a record that somebody else has sent.
  public func add(toldBy record: Record) throws {
    if let fault = record.fault {
      throw Failure(.refused, "the record \(record.key) is not believed: \(fault)")
    }
    let temporary = try temporaryPath()
    try makeFolders(toldFolder)
    try files.replace("\(toldFolder)/\(record.key.hex)", with: RecordFile.bytes(record), by: temporary)
  }

  /// Sorted by key. What is damaged or cannot be read is as if it were not there.
  public func toldRecords() throws -> [Record] {
    guard try files.entry(toldFolder)?.isFolder == true else { return [] }
    return try files.names(in: toldFolder).sorted().compactMap { name in
      guard let key = Digest(name), name == key.hex,
        let bytes = try? files.contents(of: "\(toldFolder)/\(name)", limit: RecordFile.limit)
      else { return nil }
      return try? RecordFile.read(bytes, key: key)
    }
  }

  private var toldFolder: String { root + "/told" }
}
