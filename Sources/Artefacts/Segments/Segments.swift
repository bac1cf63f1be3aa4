internal import Synchronization
internal import System

/// The segments of a store: where small objects and records stand that were made in large groups.
///
/// What one of them holds can be in others and in a file of its own as well. A file of its own is what counts: it comes in
/// place of an entry that is damaged, or of a record that was made anew.
final class Segments: Sendable {
  let folder: String
  private let root: String
  let files: any FileSystem
  private let state = Mutex(State())
  private let groups = Mutex(GroupCache())
  private let writing = Mutex(Writing())
  let named = NamedSegments()

  /// An entry that was found.
  struct Place {
    let file: SegmentFile
    let inFile: SegmentPlace
  }

  private struct State {
    /// Newest first, as far as it is known: what was asked for last is asked for again.
    var segments: [SegmentFile] = []
    /// The folder when it was listed, and when it was first seen like this.
    var listed: (status: FileStatus, since: Int64)?
    var listedAt: Int64 = 0
    /// Segments of which all that this process sees is durable.
    var durable: Set<String> = []
    /// Small results that this process has committed since it ended its last segment, and whether it has begun another.
    var results = 0
    var isWriting = false
    /// Whether this process has sealed segments of which nobody has taken note.
    var hasSealed = false
  }

  private struct Writing {
    var writer: SegmentWriter?
  }

  init(root: String, files: any FileSystem) {
    self.root = root
    folder = root + "/segments"
    self.files = files
  }

  // MARK: Looking

  /// Where an entry stands; nil if it stands in no segment. Sees what was committed before the call, by whomever.
  func find(_ key: SegmentKey) throws(Failure) -> Place? {
    let (segments, isNew) = try list(anew: false)
    if let place = place(of: key, in: segments) { return place }
    if isNew, !segments.contains(where: \.isGone) { return nil }
    return place(of: key, in: try all())
  }

  private static let attempts = 8

  /// All segments, as far as they are written now.
  func all() throws(Failure) -> [SegmentFile] {
    // Who collects what is not needed writes the rest of a segment to a new one, and takes the old one away: it may have been listed
    // before the one, and looked for after the other.
    var segments = try list(anew: true).segments
    for _ in 0..<Segments.attempts where segments.contains(where: \.isGone) {
      forgetList()
      segments = try list(anew: true).segments
    }
    return segments
  }

  /// What finds entries in the segments that other processes write, or have written.
  func finderInOthers() throws(Failure) -> (SegmentKey) -> Place? {
    let others = try all().filter { !$0.isOwn }
    return { self.place(of: $0, in: others) }
  }

  private func place(of key: SegmentKey, in segments: [SegmentFile]) -> Place? {
    for file in segments {
      if let place = file.place(of: key) { return Place(file: file, inFile: place) }
    }
    return nil
  }

  /// The segments that there are.
  /// - Parameter anew: whether to look for what has come to those that are not sealed, and into the folder if it may have
  ///   changed without a new time stamp.
  /// - Returns: and whether it was all looked at anew.
  private func list(anew: Bool) throws(Failure) -> (segments: [SegmentFile], isNew: Bool) {
    guard let status = try files.status(folder, followingLinks: false) else {
      state.withLock { state in
        state.segments = []
        state.listed = nil
      }
      return ([], true)
    }
    let now = SystemTime.monotonic()
    let known = state.withLock { state -> [SegmentFile]? in
      guard let listed = state.listed, listed.status == status else { return nil }
      // A file that comes within one tick of the clock leaves the stamp as it is; no clock ticks slower than this.
      if anew, state.listedAt - listed.since < Segments.tick { return nil }
      return state.segments
    }
    if let known, !anew { return (known, false) }
    let segments: [SegmentFile]
    if let known {
      segments = known
    } else {
      try files.checkOwnFolder(folder)
      segments = try state.withLock { state throws(Failure) in
        let names = try files.names(in: folder).filter { ProcessFolder.isRandomName($0[...]) }
        let known = Dictionary(state.segments.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        state.segments = names.map { known[$0] ?? SegmentFile($0, in: folder, files: files) }
        if state.listed?.status != status { state.listed = (status, now) }
        state.listedAt = now
        return state.segments
      }
    }
    try update(segments.filter { !$0.isOwn })
    return (segments, true)
  }

  private static let tick: Int64 = 2_000_000_000

  private func update(_ segments: [SegmentFile]) throws(Failure) {
    let open = segments.filter { !$0.isSealed }
    if open.isEmpty { return }
    try groups.withLock { groups throws(Failure) in
      for file in open { try file.update(groups.decompressor) }
    }
  }

  /// The digests of all objects, or the keys of all records, between two; in no order, and perhaps some twice.
  func digests(ofRecords isRecord: Bool, _ range: ClosedRange<Digest>) throws(Failure) -> [Digest] {
    try all().flatMap { $0.digests(ofRecords: isRecord, range) }
  }

  /// Something that was found is gone: the folder is listed anew.
  func forgetList() { state.withLock { $0.listed = nil } }

  // MARK: Reading

  /// Groups that were read last.
  private struct GroupCache {
    struct Group {
      let segment: String
      let number: Int
      let logical: [UInt8]
    }
    let decompressor = Decompressor()
    var recent: [Group] = []
  }

  /// The bytes of an entry, not checked against its name.
  /// - Throws: `Damage` if its group is damaged; `.notFound` if the segment is gone.
  func bytes(at place: Place) throws -> [UInt8] {
    let logical = try logical(of: place)
    guard place.inFile.range.upperBound <= logical.count else {
      throw Damage("an entry reaches beyond its group")
    }
    return Array(logical[place.inFile.range])
  }

  /// The note on a record; nil if there is none.
  func note(at place: Place) throws -> [UInt8]? {
    SegmentGroup.note(in: try logical(of: place), at: place.inFile.range.upperBound)
  }

  private func logical(of place: Place) throws -> [UInt8] {
    let (name, number) = (place.file.name, place.inFile.group)
    return try groups.withLock { groups in
      if let known = groups.recent.last(where: { $0.number == number && $0.segment == name }) {
        return known.logical
      }
      let logical = try place.file.logical(ofGroup: number, groups.decompressor)
      if groups.recent.count == 16 { groups.recent.removeFirst() }
      groups.recent.append(.init(segment: name, number: number, logical: logical))
      return logical
    }
  }

  // MARK: Writing

  /// Whether small results that are committed together go into a segment: if there are sixteen, or this process has committed
  /// sixty-four one by one. So a small pipeline has files that can be looked at one by one.
  func takes(_ count: Int) -> Bool {
    state.withLock { state in
      state.results += count
      return count >= Segments.leastAtOnce || state.isWriting || state.results > Segments.leastInAll
    }
  }

  static let leastAtOnce = 16
  private static let leastInAll = 64

  /// Adds entries to this process's segment, durably and with one write.
  /// - Parameter make: prepares the store for its first segment.
  func append(_ entries: [SegmentEntry], make: () throws -> Void) throws {
    if entries.isEmpty { return }
    try writing.withLock { writing in
      // As long as someone moves away what was just written.
      for _ in 0..<4 {
        do {
          let writer = try writing.writer ?? begin(&writing, make)
          try writer.append(Segments.encode(entries, writer.compressor))
          guard writer.isInPlace else {
            writing.writer = nil
            continue
          }
          try update([writer.file])
          guard entries.allSatisfy({ writer.file.place(of: $0.key) != nil }) else {
            throw Failure(
              .system, "what was written to the segment \(writer.file.path) is not what stands in it",
              hint: "test this machine's memory and disk")
          }
          if writer.size > SegmentFormat.segmentSize { seal(&writing) }
          return
        } catch {
          writing.writer = nil
          throw error
        }
      }
      throw Failure(.system, "the segments in \(folder) are moved away as soon as they are written")
    }
  }

  private func begin(_ writing: inout Writing, _ make: () throws -> Void) throws -> SegmentWriter {
    try make()
    // Whoever lists the folder finds it known as this process's own.
    let writer = try state.withLock { state throws(Failure) in
      let writer = try SegmentWriter(in: folder, files: files)
      state.segments.insert(writer.file, at: 0)
      state.listed = nil
      return writer
    }
    let file = writer.file
    // Before anything in it is relied on.
    do { try files.synchronise(folder) } catch {
      try? files.remove(file.path)
      state.withLock { $0.segments.removeAll { $0 === file } }
      throw error
    }
    writing.writer = writer
    state.withLock { state in
      state.durable.insert(file.name)
      state.isWriting = true
    }
    return writer
  }

  private static func encode(_ entries: [SegmentEntry], _ compressor: Compressor) -> [UInt8] {
    groups(of: entries, compressor).reduce(into: []) { $0 += $1 }
  }

  /// Objects and records in groups of their own: damage to one leaves the other.
  static func groups(of entries: [SegmentEntry], _ compressor: Compressor) -> [[UInt8]] {
    var groups: [[UInt8]] = []
    var group: [SegmentEntry] = []
    var size = 0
    func close() {
      if !group.isEmpty { groups.append(SegmentGroup.bytes(of: group, compressor)) }
      group = []
      size = 0
    }
    for isRecord in [false, true] {
      for entry in entries where (entry.kind == .record) == isRecord {
        group.append(entry)
        size += entry.length
        if size >= SegmentFormat.groupSize { close() }
      }
      close()
    }
    return groups
  }

  /// Ends the segment of this process, if it has one.
  func seal() {
    writing.withLock { seal(&$0) }
    state.withLock { state in
      state.results = 0
      state.isWriting = false
    }
  }

  private func seal(_ writing: inout Writing) {
    guard let file = writing.writer?.file else { return }
    writing.writer?.seal()
    writing.writer = nil
    try? update([file])
    if file.isSealed { noteSealed() }
  }

  /// Whether this process has sealed any since this was last asked.
  func takeSealed() -> Bool {
    state.withLock { state in
      defer { state.hasSealed = false }
      return state.hasSealed
    }
  }

  /// Nobody has taken note of what was sealed.
  func noteSealed() { state.withLock { $0.hasSealed = true } }

  // MARK: What others have written

  /// Whether this process knows that what it sees of a segment survives a power cut.
  func isDurable(_ file: SegmentFile) -> Bool { state.withLock { $0.durable.contains(file.name) } }

  func noteDurable(_ file: SegmentFile) {
    if file.isSealed { state.withLock { _ = $0.durable.insert(file.name) } }
  }

  // MARK: Damage

  /// Moves a segment with damaged entries to `quarantine/`. What is sound in it is put into another one first.
  /// - Parameters:
  ///   - temporary: a name that nothing has, to write under.
  ///   - name: names that other one, for who cannot list the folder.
  ///   - quarantine: the folder that it is moved to.
  /// - Returns: where it is now; nil if it stayed.
  func setAside(
    _ file: SegmentFile, temporary: () throws -> String, name: () throws -> Void,
    quarantine: () throws -> String
  ) -> String? {
    guard (try? files.checkOwnFolder(folder)) == true else { return nil }
    defer { forgetList() }
    do {
      try salvage(file, temporary, name)
      let target = try quarantine() + "/segment-" + file.name
      let size = file.status?.size
      try files.rename(file.path, to: target)
      // Its writer may have added something in the meantime, and was told that it stands there.
      if try files.status(target)?.size != size {
        let moved = SegmentFile("segment-" + file.name, in: parentFolder(of: target), files: files)
        try update([moved])
        try salvage(moved, temporary, name)
      }
      return target
    } catch {
      return nil
    }
  }

  /// Copies the groups that are sound to a new segment, which is sealed and named.
  private func salvage(
    _ file: SegmentFile, _ temporary: () throws -> String, _ name: () throws -> Void
  ) throws {
    let old = try InputFile(file.path, followingLinks: false, files: files)
    let decompressor = Decompressor()
    let size = try place(temporary) { write in
      var builder = SegmentBuilder(to: write)
      // No segment has more, whatever this one says of itself.
      for offset in file.groups where builder.count < SegmentFormat.entryLimit {
        do {
          let (head, frame) = try SegmentFile.group(old, at: offset)
          try builder.add(head.bytes + frame, SegmentGroup.logical(head, frame, decompressor))
        } catch is Damage {}
      }
      if builder.isEmpty { return 0 }
      try builder.finish()
      return builder.size
    }
    if size > 0 { try name() }
  }

  /// Adds a whole segment, durably, unless there is nothing in it.
  /// - Parameters:
  ///   - temporary: a name that nothing has, to write under.
  ///   - name: what it is to be called.
  ///   - body: writes it, and returns how many bytes it has.
  /// - Returns: the same.
  func place(
    _ temporary: () throws -> String, as name: String = ProcessFolder.randomName(),
    _ body: (@escaping Append) throws -> Int
  ) throws -> Int {
    let path = try temporary()
    let size = try files.writeFile(path, mode: 0o444, body)
    do {
      if size == 0 {
        try files.remove(path)
        return 0
      }
      try files.synchronise(path)
      try files.rename(path, to: folder + "/" + name)
      try files.synchronise(folder)
      forgetList()
      return size
    } catch {
      try? files.remove(path)
      throw error
    }
  }
}
