package import System

extension Store {
  /// What stands in a segment under a name; nil if nothing does. The bytes are not checked against the name.
  /// - Parameter damaged: makes the error for an entry whose group is damaged.
  func entry(_ key: SegmentKey, damaged: (SegmentFile, Damage) -> Failure) throws -> FoundEntry? {
    // Another process may move a segment away between the two steps.
    for _ in 0..<4 {
      guard let place = try segments.find(key) else { return nil }
      do {
        return FoundEntry(
          file: place.file, kind: place.inFile.kind, bytes: try segments.bytes(at: place))
      } catch let damage as Damage {
        throw damaged(place.file, damage)
      } catch let error as Failure where error.code == .notFound {
        segments.forgetList()
      }
    }
    return nil
  }

  /// Moves a segment in which something is damaged out of the way, and keeps what is sound in it.
  /// - Returns: where it is now, to be put behind a message.
  func setAside(_ file: SegmentFile) -> String {
    let moved = segments.setAside(
      file, temporary: temporaryPath, name: catalogueSuccessor,
      quarantine: {
        try makeFolders(root + "/quarantine")
        return root + "/quarantine"
      })
    guard let moved else { return "; it stands in \(file.path)" }
    return "; the segment that held it is now \(moved), and what is sound in it is in another one"
  }

  /// Looks for damage in segments behind which sound groups stand: nobody knows what it held, so it is no object's and no record's. The
  /// segments that have some are moved out of the way, and what is sound in them is kept.
  /// - Returns: an error for each of them.
  package func damagedSegments() throws -> [Failure] {
    try segments.all().compactMap { file in
      guard let fault = file.fault else { return nil }
      return Failure(
        .damaged, "the segment \(file.path) is damaged: \(fault)\(setAside(file))",
        hint: "run the pipelines again whose results are missing now, or 'brake verify --repair'")
    }
  }

  /// Ends the segment to which this process has written, so that others need not read it to know what it holds, and names it in the
  /// catalogue. What comes later goes into another one.
  public func sealSegment() {
    segments.seal()
    // Only who cannot list the folder needs that, and a collection makes up for it.
    try? catalogueOwnSegments()
  }
}

extension Store {
  /// What was noted on the record of an action, if that stands in a segment: not checked, and to be believed as much as
  /// whoever wrote it.
  public func note(ofRecord key: Digest) throws -> [UInt8]? {
    try segments.find(.record(key)).flatMap { try segments.note(at: $0) }
  }
}

extension Store {
  /// Where an object stands; nil if it is not there.
  package func holder(ofObject digest: Digest) throws(Failure) -> Holder? {
    try holder(objectPath(digest), .object(digest))
  }

  /// Where the record of an action stands; nil if it is not there.
  package func holder(ofRecord key: Digest) throws(Failure) -> Holder? {
    try holder(recordPath(key), .record(key))
  }

  private func holder(_ path: String, _ key: SegmentKey) throws(Failure) -> Holder? {
    try checkFolder(of: path)
    if try files.status(path) != nil { return .own(path) }
    return try segments.find(key).map { .segment($0.file.path) }
  }

  /// A file that gets other bytes whenever a record that stands in a segment is replaced by one in a file of its own.
  package var pathOfReplacements: String { segments.folder + "/replaced" }

  /// Says that a record in a segment does not count any more.
  func noteReplacement() throws {
    let bytes = Array((ProcessFolder.randomName() + "\n").utf8)
    let temporary = try temporaryPath()
    try files.writeFile(temporary, mode: 0o666) { try bytes.withUnsafeBytes($0) }
    try files.rename(temporary, to: pathOfReplacements)
  }

  /// Makes the folder for segments, in a store that says that it has them.
  func makeSegments() throws {
    _ = try processFolder()
    try StoreFolder(root: root, files: files).makeSegmented()
    for folder in try makeFolders(segments.folder) { try files.synchronise(folder) }
    try files.checkOwnFolder(segments.folder)
    if try files.status(pathOfReplacements, followingLinks: false) == nil { try noteReplacement() }
  }
}
