public import System

extension Store {
  /// What an action produced; nil if no record has this key. One that was set aside has its place again.
  /// - Throws: `.damaged` if its bytes are not what was written: it is moved to `quarantine/`, so that the next look finds
  ///   none. `.refused` if it holds a name that none may be, `.newer` if it is in a later version of the format: both
  ///   stay where they are.
  public func record(_ key: Digest) throws -> Record? {
    if let record = try recordInPlace(key) { return record }
    _ = try takeBackRecord(key)
    // Another process may have given it back in between.
    return try recordInPlace(key)
  }

  private func recordInPlace(_ key: Digest) throws -> Record? {
    let path = recordPath(key)
    try checkFolder(of: path)
    guard let file = try InputFile.ifPresent(path, files: files) else { return try recordInSegment(key) }
    guard file.size <= RecordFile.limit else {
      throw Failure(
        .refused, "the record \(key) has \(file.size) bytes, more than any that brake writes",
        hint: "remove \(path): the stage that it belongs to will run again")
    }
    do { return try RecordFile.read(file.readAll(), key: key) } catch let damage as Damage {
      let moved = moveToQuarantine(path, named: "action-" + key.hex, file.status)
      throw damagedRecord(key, damage, moved.map { "; it is now \($0)" } ?? "")
    }
  }

  /// Whether there is a record of this action (its bytes are not looked at).
  public func hasRecord(_ key: Digest) throws -> Bool {
    try checkFolder(of: recordPath(key))
    if try files.status(recordPath(key)) != nil { return true }
    return try segments.find(.record(key)) != nil
  }

  private func recordInSegment(_ key: Digest) throws -> Record? {
    func damaged(_ file: SegmentFile, _ damage: Damage) -> Failure {
      damagedRecord(key, damage, setAside(file))
    }
    guard let entry = try entry(.record(key), damaged: damaged) else { return nil }
    do { return try RecordFile.read(entry.bytes, key: key) } catch let damage as Damage {
      throw damaged(entry.file, damage)
    }
  }

  private func damagedRecord(_ key: Digest, _ damage: Damage, _ place: String) -> Failure {
    Failure(
      .damaged, "the record \(key) in \(root) is damaged: \(damage.reason)\(place)",
      hint: "run the pipeline again: the stage that it belongs to will run")
  }

  /// The bytes of a record as they are, nil if there is none: for who does not want to know what is wrong with it.
  func recordBytes(_ key: Digest) throws -> [UInt8]? {
    if let bytes = try files.contents(of: recordPath(key), limit: RecordFile.limit) { return bytes }
    guard let place = try segments.find(.record(key)) else { return nil }
    return try segments.bytes(at: place)
  }

  /// All records, for `why`, `provenance` and `ls`; those that cannot be read or believed are reported, not returned.
  public func records(damaged: (Failure) -> Void) throws -> [Record] {
    var records: [Record] = []
    for key in try digests(under: "actions") {
      do {
        if let record = try record(key) { records.append(record) }
      } catch let error as Failure {
        damaged(error)
      }
    }
    return records
  }

  /// Throws if the record that has a name is in a later version, and so is not to be replaced.
  func checkReplaceable(recordAt path: String, key: Digest) throws {
    guard try files.status(path)?.isFile == true else { return }
    var opening = [UInt8](repeating: 0, count: 64)
    let count = try opening.withUnsafeMutableBytes { try InputFile(path, files: files).read(into: $0, at: 0) }
    if RecordFile.isNewer(opening.prefix(count)) { throw Failure.newer("the record \(key)") }
  }
}
