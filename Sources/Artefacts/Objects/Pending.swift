internal import System

/// What is on its way into the store: small objects and records in memory, large ones as files in `tmp/`.
struct Pending {
  enum Content {
    /// The bytes themselves.
    case memory([UInt8])
    /// A file as it will stand in the store.
    case file(String)
  }

  struct Object {
    let artefact: Artefact
    let content: Content

    var digest: Digest { artefact.digest }
  }

  struct PendingRecord {
    let key: Digest
    let content: Content
    let isReplacing: Bool
  }

  /// In the order in which they were added, so that what a tree names stands before it.
  private(set) var objects: [Object] = []
  private var digests: Set<Digest> = []
  private(set) var records: [Digest: PendingRecord] = [:]
  /// What is to be known of records, by key.
  var notes: [Digest: [UInt8]] = [:]
  /// Folders and segments with objects that were there already, perhaps put there a moment ago by a process that has not
  /// synchronised them.
  var shared: Set<String> = []
  /// The same segments.
  var segments: [String: SegmentFile] = [:]
  /// Whether something takes the place of what is damaged or cannot be read, which only a file of its own does.
  var isMending = false
  /// Bytes in memory.
  private(set) var size = 0

  /// Made before the first write.
  var flush: Flush?

  /// Bytes that wait in memory, at most.
  static let sizeLimit = 1 << 20
  /// The same of what is to be gathered.
  static let gatheredLimit = 32 << 20

  func contains(_ digest: Digest) -> Bool { digests.contains(digest) }

  /// - Returns: the temporary file of an object that was there already.
  mutating func add(_ object: Object) -> String? {
    if !digests.insert(object.digest).inserted { return object.content.path }
    if case .memory(let bytes) = object.content { size += bytes.count }
    objects.append(object)
    return nil
  }

  /// - Returns: the temporary file of an older record of the same action.
  mutating func add(_ record: PendingRecord) -> String? {
    records.updateValue(record, forKey: record.key)?.content.path
  }

  /// Adds what waits elsewhere.
  /// - Returns: temporary files that are not needed.
  mutating func add(_ other: Pending) -> [String] {
    var left = other.objects.compactMap { add($0) }
    left += other.records.values.compactMap { add($0) }
    note(sharedWith: other)
    return left
  }

  /// Takes over what is to be synchronised for another.
  mutating func note(sharedWith other: Pending) {
    shared.formUnion(other.shared)
    segments.merge(other.segments) { first, _ in first }
    // The one that was made first knows of all errors.
    if let flush = other.flush, self.flush.map({ flush.number < $0.number }) ?? true { self.flush = flush }
  }

  var isEmpty: Bool { objects.isEmpty && records.isEmpty && shared.isEmpty }

  /// Whether all of it is small enough to stand in a segment.
  var isSmall: Bool { !isMending && temporaries.isEmpty }

  /// Takes out what can stand in a segment, as long as nothing in there leads to what is not there yet: all of it, or files beside which
  /// larger ones come.
  /// - Returns: nil if these are too few.
  mutating func takeGathered(atLeast least: Int) -> Pending? {
    if isMending { return nil }
    if temporaries.isEmpty {
      guard objects.count + records.count >= least else { return nil }
      defer { self = Pending() }
      return self
    }
    let isGathered = { (object: Object) in object.content.path == nil && object.artefact.kind == .blob }
    guard objects.count(where: isGathered) >= least else { return nil }
    var gathered = Pending()
    for object in objects where isGathered(object) {
      _ = gathered.add(object)
      digests.remove(object.digest)
    }
    objects.removeAll(where: isGathered)
    size -= gathered.size
    return gathered
  }

  var temporaries: [String] { objects.compactMap(\.content.path) + records.values.compactMap(\.content.path) }
}

extension Pending.Content {
  var path: String? {
    switch self {
    case .memory: nil
    case .file(let path): path
    }
  }
}
