internal import System

/// Takes out of a store what is not needed, in steps between which any other process may do anything:
///
/// 1. Somebody finds out what is needed, and everything else is set aside: a rename each.
/// 2. It is found out once more. Who had begun to rely on something before it was set aside has said so before it looked for the last
///    time, so it is found now, and has its place again.
/// 3. What has been aside for long enough is removed.
///
/// No lock is taken, and nobody waits. Whoever misses in the meantime what is aside takes it back.
public struct Sweep: Sendable {
  private let store: Store
  private let aside: Aside
  private var files: any FileSystem { store.files }

  public init(of store: Store) {
    self.store = store
    aside = Aside(of: store)
  }

  /// What setting aside came to.
  public struct Outcome: Sendable {
    public var amount = SweptAmount()
    /// What is not needed either and was left, since it is too young.
    public var young = SweptAmount()
    /// Objects that had files of their own and are aside now.
    public var objects: [Digest] = []
    /// Whether there was no room for more.
    public var isFull = false

    public init() {}
  }

  /// Sets everything aside that is neither needed nor young.
  ///
  /// - Parameters:
  ///   - limit: what was written after this time, by `timeOfFiles`, stays.
  ///   - isTrial: whether to find out only what would be set aside.
  ///   - progress: told of every folder and segment, with how many there are.
  public func setAside(
    allBut needed: NeededContents, writtenBefore limit: Int64, isTrial: Bool,
    progress: (_ done: Int, _ total: Int) throws -> Void = { _, _ in }
  ) throws -> Outcome {
    var outcome = Outcome()
    let segments = try store.segments.all()
    let records = try store.shelves(of: "actions")
    let objects = try store.shelves(of: "objects")
    let total = records.count + segments.count + objects.count
    var done = 0
    var fullSegments = false
    func step() throws {
      try progress(done, total)
      done += 1
    }
    // Records go before what they promise, and come back after it: none is ever there without, however this ends.
    for shelf in records where !outcome.isFull {
      try step()
      try setAside(.record, in: "actions/\(shelf)", allBut: needed.records, limit, isTrial, &outcome)
    }
    for segment in segments where !outcome.isFull {
      try step()
      do { outcome += try collect(segment, needed, limit, isTrial) } catch let error as Failure {
        // On a full disk there is no room for a new one, until something else is removed. Or another collection was faster.
        let isGone = try error.code == .notFound && files.entry(segment.path) == nil
        guard isGone || error.isFull else { throw error }
        if error.isFull { fullSegments = true }
      }
    }
    for shelf in objects where !outcome.isFull {
      try step()
      try setAside(.object, in: "objects/\(shelf)", allBut: needed.objects, limit, isTrial, &outcome)
    }
    outcome.isFull = outcome.isFull || fullSegments
    // Only who cannot list the segments needs that, and there may be no room.
    if !isTrial { try? store.catalogueSegments() }
    return outcome
  }

  private func setAside(
    _ kind: Aside.Kind, in shelf: String, allBut needed: Set<Digest>, _ limit: Int64, _ isTrial: Bool,
    _ outcome: inout Outcome
  ) throws {
    for (digest, status) in try store.looseFiles(in: shelf) where !needed.contains(digest) {
      var amount = SweptAmount()
      if kind == .record { amount.records = 1 } else { amount.objects = 1 }
      amount.bytes = Int(status.size)
      if status.modified >= limit {
        outcome.young += amount
        continue
      }
      do {
        guard try isTrial || store.withRoom({ try aside.add(kind, digest) }) else { continue }
      } catch let error as Failure where error.isFull {
        outcome.isFull = true
        return
      }
      outcome.amount += amount
      if kind == .object { outcome.objects.append(digest) }
    }
  }

  /// Makes what setting aside needs, so that a disk on which there is no room for it is known before anything has changed.
  public func prepare() throws {
    try store.withRoom {
      try store.make()
      try aside.makeFolders()
    }
  }

  /// Sets objects aside that have files of their own, whatever needs them, as far as there is room for it.
  /// - Returns: those that are aside now.
  public func setAside(_ objects: [Digest]) throws -> [Digest] {
    var moved: [Digest] = []
    do {
      for object in objects where try store.withRoom({ try aside.add(.object, object) }) {
        moved.append(object)
      }
    } catch let error as Failure where error.isFull && !moved.isEmpty {}
    return moved
  }

  private func collect(
    _ segment: SegmentFile, _ needed: NeededContents, _ limit: Int64, _ isTrial: Bool
  ) throws -> Outcome {
    var outcome = Outcome()
    let isYoung = segment.isOwn || (segment.status?.modified ?? .max) >= limit
    let before = segment.status?.size
    let isNeeded = { (key: SegmentKey) -> Bool in
      (key.isRecord ? needed.records : needed.objects).contains(key.digest)
    }
    let found = try store.segments.collect(
      segment, isNeeded: isNeeded, isTrial: isTrial || isYoung, temporary: { try store.temporaryPath() },
      name: store.catalogueSuccessor,
      setAside: { () throws -> Void in
        guard try aside.addSegment(segment.name, from: segment.path) else { return }
        // Its writer may have added something, and was told that it stands there.
        let now = try files.entry("\(store.root)/aside/segments/\(segment.name)")
        if now?.size != before { try aside.takeBackSegment(segment.name) }
      })
    var amount = SweptAmount()
    (amount.objects, amount.records, amount.bytes) = (found.objects, found.records, found.freed)
    if isYoung { outcome.young = amount } else { outcome.amount = amount }
    return outcome
  }

  /// Gives everything its place again that is needed and was set aside.
  /// - Returns: how much that was.
  @discardableResult public func takeBack(_ needed: NeededContents) throws -> SweptAmount {
    var amount = SweptAmount()
    for entry in try aside.entries() {
      guard try takeBack(entry, needed) else { continue }
      amount.add(entry)
    }
    return amount
  }

  private func takeBack(_ entry: Aside.Entry, _ needed: NeededContents) throws -> Bool {
    guard let digest = entry.digest else { return try takeBackEntries(of: entry.name, needed) }
    if entry.kind == .object { return try needed.objects.contains(digest) && aside.takeBack(.object, digest) }
    // Another process may have removed what it promises, when nothing seemed to need it.
    return try needed.records.contains(digest) && store.takeBackRecord(digest)
  }

  /// Takes out of a segment that was set aside what is needed and stands nowhere else.
  /// - Returns: whether there was anything.
  private func takeBackEntries(of name: String, _ needed: NeededContents) throws -> Bool {
    let file = SegmentFile(name, in: "\(store.root)/aside/segments", files: files)
    try file.update(Decompressor())
    let all = Digest.first...Digest.last
    var isAny = false
    for object in file.digests(ofRecords: false, all) where needed.objects.contains(object) {
      if try !store.contains(object), store.takeBack(object) { isAny = true }
    }
    for record in file.digests(ofRecords: true, all) where needed.records.contains(record) {
      if try !store.hasRecord(record), try store.takeBackRecord(record) { isAny = true }
    }
    return isAny
  }

  /// All objects that are set aside, alone or in segments.
  public func objectsAside() throws -> Set<Digest> {
    let alone = try aside.entries().compactMap { $0.kind == .object ? $0.digest : nil }
    return Set(alone).union(try store.segmentsAside.digests(ofRecords: false, Digest.first...Digest.last))
  }

  /// What the records name that are set aside: outputs, and logs.
  public func namedAside() throws -> Set<Digest> {
    let alone = try aside.entries().compactMap { $0.kind == .record ? $0.digest : nil }
    let all = Set(alone).union(try store.segmentsAside.digests(ofRecords: true, Digest.first...Digest.last))
    var named: Set<Digest> = []
    for key in all {
      guard let record = try store.recordAside(key) else { continue }
      named.formUnion(record.outputs.map(\.artefact.digest))
      if let log = record.log { named.insert(log) }
    }
    return named
  }

  /// Removes some objects for good that were set aside before a time, by `timeOfFiles`.
  public func removeAside(_ objects: Set<Digest>, since limit: Int64) throws -> SweptAmount {
    var amount = SweptAmount()
    for entry in try aside.entries() where entry.since < limit && entry.kind == .object {
      guard let digest = entry.digest, objects.contains(digest) else { continue }
      try aside.remove(entry)
      amount.add(entry)
    }
    return amount
  }

  /// Removes for good what was set aside before a time, by `timeOfFiles`.
  /// - Parameter kept: objects that stay, and with them all segments, which may hold them.
  public func removeAside(since limit: Int64, except kept: Set<Digest> = []) throws -> SweptAmount {
    var amount = SweptAmount()
    for entry in try aside.entries() where entry.since < limit {
      if entry.kind == .segment ? !kept.isEmpty : entry.digest.map(kept.contains) == true { continue }
      try aside.remove(entry)
      amount.add(entry)
    }
    return amount
  }
}

extension Sweep.Outcome {
  static func += (sum: inout Sweep.Outcome, other: Sweep.Outcome) {
    sum.amount += other.amount
    sum.young += other.young
    sum.objects += other.objects
  }
}
