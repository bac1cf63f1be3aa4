internal import System

/// What nothing needs any more and will be removed: it stands in `aside/` for a while, so that who finds that it is needed after
/// all has it back by a rename.
///
///     aside/objects/DIGEST    aside/actions/KEY    aside/segments/NAME
public struct Aside: Sendable {
  public enum Kind: String, Sendable, CaseIterable {
    case object = "objects"
    case record = "actions"
    case segment = "segments"
  }

  public struct Entry: Sendable {
    public let kind: Kind
    public let name: String
    public let size: Int
    /// When it was set aside, by the clock of the store's file system, in nanoseconds.
    public let since: Int64

    /// What the object or record is called; nil for a segment.
    public var digest: Digest? { kind == .segment ? nil : Digest(name) }
  }

  let store: Store

  public init(of store: Store) { self.store = store }

  private var files: any FileSystem { store.files }

  private func path(_ kind: Kind, _ name: String) -> String { "\(store.root)/aside/\(kind.rawValue)/\(name)" }

  /// Sets the file of an object or record aside.
  /// - Returns: whether there was one.
  @discardableResult public func add(_ kind: Kind, _ digest: Digest) throws -> Bool {
    let from = kind == .object ? store.objectPath(digest) : store.recordPath(digest)
    try store.checkFolder(of: from)
    return try move(from, to: path(kind, digest.hex))
  }

  func addSegment(_ name: String, from path: String) throws -> Bool {
    try move(path, to: self.path(.segment, name))
  }

  private func move(_ from: String, to target: String) throws -> Bool {
    try makeFolder(parentFolder(of: target))
    return try ifPresent { try files.rename(from, to: target) }
  }

  /// - Returns: false if what it is done to has gone.
  private func ifPresent(_ body: () throws -> Void) throws -> Bool {
    do {
      try body()
      return true
    } catch let error as Failure where error.code == .notFound {
      return false
    }
  }

  func makeFolders() throws {
    for kind in Kind.allCases { try makeFolder(parentFolder(of: path(kind, "-"))) }
  }

  private func makeFolder(_ folder: String) throws {
    if try files.entry(folder)?.isFolder == true { return }
    for changed in try store.makeFolders(folder) { try files.synchronise(changed) }
    try files.checkOwnFolder(folder)
  }

  public func has(_ kind: Kind, _ digest: Digest) throws -> Bool {
    try files.entry(path(kind, digest.hex))?.isFile == true
  }

  /// Gives an object or record its place again. One that has come there in the meantime stays.
  /// - Returns: whether it has its place.
  @discardableResult public func takeBack(_ kind: Kind, _ digest: Digest) throws -> Bool {
    let from = path(kind, digest.hex)
    let target = kind == .object ? store.objectPath(digest) : store.recordPath(digest)
    // Another process may have done it a moment ago.
    guard try has(kind, digest) else { return try files.entry(target)?.isFile == true }
    let folders = try store.prepareFolder(for: target)
    let isMoved = try ifPresent {
      if try !files.renameIfAbsent(from, to: target) { try files.remove(from) }
    }
    // Otherwise another process was faster, with this or with removing it.
    if !isMoved { return try files.entry(target)?.isFile == true }
    for folder in folders + [parentFolder(of: target)] { try files.synchronise(folder) }
    return true
  }

  /// Gives a segment its place again, to which something was added when it was set aside.
  func takeBackSegment(_ name: String) throws {
    try files.rename(path(.segment, name), to: "\(store.segments.folder)/\(name)")
    store.segments.forgetList()
  }

  /// All that stands there.
  public func entries() throws -> [Entry] {
    var entries: [Entry] = []
    for kind in Kind.allCases {
      for name in try store.namesOfFiles(in: "aside/\(kind.rawValue)") {
        guard kind == .segment ? ProcessFolder.isRandomName(name[...]) : Digest(name) != nil,
          let status = try files.entry(path(kind, name))
        else { continue }
        entries.append(Entry(kind: kind, name: name, size: Int(status.size), since: status.changed))
      }
    }
    return entries
  }

  /// Removes it for good.
  public func remove(_ entry: Entry) throws {
    _ = try ifPresent { try files.remove(path(entry.kind, entry.name)) }
    if entry.kind == .record, let key = entry.digest {
      try? files.remove("\(store.root)/index/made/\(key.hex.prefix(2))/\(key.hex.dropFirst(2))")
    }
  }
}

extension Store {
  /// Has an object back that was set aside since nothing seemed to need it.
  /// - Parameter bases: how many may stand behind it, one behind the other.
  /// - Returns: whether it has its place.
  @discardableResult func takeBack(_ digest: Digest, bases: Int = ObjectFormat.baseLimit) -> Bool {
    do {
      // What it is a difference from comes before it, or it could not be read.
      for base in try basesAside(of: digest) {
        rely(on: base)
        guard try contains(base) || bases > 0 && takeBack(base, bases: bases - 1) else { return false }
      }
      if try Aside(of: self).takeBack(.object, digest) { return true }
      guard let place = try segmentsAside.find(.object(digest)) else { return try contains(digest) }
      // Only this one: other entries of the segment may name what is removed at this moment.
      let publication = publication()
      guard try publication.add(bytes: segmentsAside.bytes(at: place)).digest == digest else { return false }
      try publication.commit()
      return true
    } catch { return (try? contains(digest)) == true }
  }

  /// The bases of an object that is set aside; none if it stands for itself, or is not there.
  func basesAside(of digest: Digest) throws -> [Digest] {
    guard try mayHaveBases,
      let file = try InputFile.ifPresent("\(root)/aside/objects/\(digest.hex)", files: files)
    else { return [] }
    do { return try ObjectReader(ObjectFile(file, as: digest)).footer.bases } catch is Damage { return [] }
  }

  /// Has a record back that was set aside, after all that it promises: if it is not all to be had, the record stays aside.
  func takeBackRecord(_ key: Digest) throws -> Bool {
    guard let record = try recordAside(key) else { return false }
    let artefacts = record.artefacts
    rely(on: artefacts.map(\.digest))
    let removed = try removedObjects()
    for artefact in artefacts {
      if let lost = try firstLost(of: artefact), !removed.contains(lost) { return false }
    }
    if try Aside(of: self).takeBack(.record, key) { return true }
    let publication = publication()
    try publication.add(record: record)
    try publication.commit()
    return true
  }

  /// A record that is set aside; nil if it is not, or is damaged.
  func recordAside(_ key: Digest) throws -> Record? {
    let path = "\(root)/aside/actions/\(key.hex)"
    do {
      if let bytes = try files.contents(of: path, limit: RecordFile.limit) {
        return try RecordFile.read(bytes, key: key)
      }
      guard let place = try segmentsAside.find(.record(key)) else { return nil }
      return try RecordFile.read(segmentsAside.bytes(at: place), key: key)
    } catch is Damage { return nil } catch let error as Failure where error.code == .notFound { return nil }
  }

  /// Whether an object is aside, alone or in a segment.
  func isAside(_ digest: Digest) throws -> Bool {
    try Aside(of: self).has(.object, digest) || segmentsAside.find(.object(digest)) != nil
  }

  /// What the clock of the store's file system shows, in nanoseconds: times of files are compared with this one only. Told by
  /// the stamp of a new file; where none can be made, since the disk is full or this user may only read, it is this machine's
  /// clock, which gives the stamps on its own disks.
  public func timeOfFiles() throws -> Int64 {
    do {
      let path = try temporaryPath()
      try files.writeFile(path, mode: 0o600) { _ in }
      defer { try? files.remove(path) }
      if let status = try files.entry(path) { return max(status.modified, status.changed) }
    } catch let error as Failure where error.errno != nil {
      let folder = try files.open(root)
      defer { try? files.close(folder, path: root) }
      guard LifeSign.isLocal(folder) else { throw error }
    }
    return SystemTime.stamp()
  }
}
