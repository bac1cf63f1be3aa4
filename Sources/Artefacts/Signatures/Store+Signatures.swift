import System

/// Signatures of records stand beside them, in `signatures/ab/cdef…`. That one is there says nothing before it is checked against the
/// record and against keys that somebody trusts.
extension Store {
  /// The signatures of the record of an action; nil if there are none.
  /// - Throws: `.malformed` if the file holds something else, `.newer` if it is in a later version of the format.
  public func signatures(of key: Digest) throws -> RecordSignatures? {
    let path = signaturesPath(key)
    try checkFolder(of: path)
    guard let bytes = try files.contents(of: path, limit: RecordSignatures.sizeLimit) else { return nil }
    return try RecordSignatures(bytes: bytes, of: key)
  }

  /// Adds signatures to those that are there, durably. A file that holds something else is replaced.
  ///
  /// - Parameter isFalse: those that are there and give way.
  /// - Returns: how many records have more than before.
  @discardableResult public func add(
    _ signatures: [Digest: RecordSignatures], inPlaceOf isFalse: (RecordSignature) -> Bool = { _ in false }
  ) throws -> Int {
    if signatures.isEmpty { return 0 }
    try markSigned()
    // Of two who read the same file, add their own and put theirs in its place, one would lose what the other has added.
    let lock = try lockSignatures()
    defer { withExtendedLifetime(lock) {} }
    try settleFolders(in: "signatures")
    var changed: Set<String> = []
    var placed: [(temporary: String, path: String)] = []
    defer { for each in placed { try? files.remove(each.temporary) } }
    for (key, new) in signatures.sorted(by: { $0.key < $1.key }) {
      var all: RecordSignatures
      do { all = try self.signatures(of: key) ?? RecordSignatures() } catch let error as Failure
        where [.malformed, .refused].contains(error.code)
      {
        all = RecordSignatures()
      }
      all.remove(where: isFalse)
      guard all.add(new) else { continue }
      let path = signaturesPath(key)
      let temporary = try temporaryPath()
      let bytes = all.bytes
      try files.writeFile(temporary, mode: 0o444) { try bytes.withUnsafeBytes($0) }
      placed.append((temporary, path))
      changed.formUnion(try prepareFolder(for: path))
      changed.insert(parentFolder(of: path))
    }
    if placed.isEmpty { return 0 }
    let flush = try Flush(around: root, files: files)
    try flush.synchronise(placed.map(\.temporary))
    for each in placed { try files.rename(each.temporary, to: each.path) }
    try flush.synchronise(changed.sorted())
    let count = placed.count
    placed = []
    return count
  }

  /// What says of a store that cannot be listed that it has signatures, so that nobody asks it for those of each record in vain. It is
  /// there before the first of them, and stays.
  public static var signedMark: (path: String, bytes: [UInt8]) {
    ("signatures/written", Array("brake signatures 1\n".utf8))
  }

  /// Says that the store has signatures, if it does not say so: an earlier brake that has written them did not.
  public func markSigned() throws {
    let (path, bytes) = Store.signedMark
    if try files.entry("\(root)/\(path)") != nil { return }
    let parts = path.split(separator: "/")
    try write(bytes, as: String(parts[1]), in: String(parts[0]))
  }

  /// Removes signatures of records that are not there, neither as results nor as what others say. Says that there are some, if the store
  /// does not say so.
  ///
  /// - Parameter limit: what was written after this time, by `timeOfFiles`, stays: its record may be on its way.
  /// - Returns: how many files that were.
  public func removeSignaturesWithoutRecords(writtenBefore limit: Int64) throws -> Int {
    var count = 0
    let keys = try keysOfSignatures()
    if !keys.isEmpty { try markSigned() }
    for key in keys {
      let path = signaturesPath(key)
      guard let status = try files.entry(path), status.modified < limit, try !hasRecord(key),
        try !isTold(key), try !Aside(of: self).has(.record, key)
      else { continue }
      try files.remove(path)
      count += 1
    }
    return count
  }

  /// The actions whose records have signatures here, sorted.
  public func keysOfSignatures() throws -> [Digest] {
    try shelves(of: "signatures").flatMap { shelf in
      try looseFiles(in: "signatures/\(shelf)").map(\.digest)
    }.sorted()
  }

  private func signaturesPath(_ key: Digest) -> String {
    "\(root)/signatures/\(key.hex.prefix(2))/\(key.hex.dropFirst(2))"
  }
}
