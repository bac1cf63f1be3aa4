internal import Synchronization
internal import System

/// A segment as far as it is known: all of it once it is sealed, otherwise what stood in it when it was last looked at.
/// Whatever its end is made of that is no whole group is not there. What is no group and has a sound one behind it is damage: only
/// that is not there, and `fault` says so.
final class SegmentFile: Sendable {
  let name: String
  let path: String
  /// Whether this process writes it, and says itself when there is more to be seen of it: once that is durable.
  let isOwn: Bool
  private let files: any FileSystem
  private let state = Mutex(State())

  private struct State {
    /// Nil before the first look.
    var status: FileStatus?
    var seal: SegmentSeal?
    /// Where the heads of groups stand, and the end of the last group.
    var groups: [Int] = []
    var end = 0
    /// Entries in these groups, those of the same name each: no more than a segment may have are looked at.
    var read = 0
    var places: [SegmentKey: SegmentPlace] = [:]
    /// Where something stands that is no group, although sound groups stand behind it.
    var gaps: [Int] = []
    var isHeaderDamaged = false
    /// It is none, or in a later version: nobody looks at it again.
    var isForeign = false
    /// It was not there any more when it was looked at.
    var isGone = false
  }

  init(_ name: String, in folder: String, files: any FileSystem, isOwn: Bool = false) {
    self.name = name
    self.isOwn = isOwn
    path = folder + "/" + name
    self.files = files
  }

  var isSealed: Bool { state.withLock { $0.seal != nil } }
  var isGone: Bool { state.withLock(\.isGone) }
  /// What it was when it was last looked at.
  var status: FileStatus? { state.withLock(\.status) }

  /// What is damaged in it besides groups that its seal names: nobody knows what stood there. Nil if nothing was seen to be.
  var fault: String? {
    state.withLock { state in
      if let gap = state.gaps.first { return "sound groups stand behind damage at byte \(gap)" }
      return state.isHeaderDamaged && !state.isForeign
        ? "its header is damaged, and what follows is sound" : nil
    }
  }

  /// Looks at what has come since the last time. Of a sealed one nothing comes.
  func update(_ decompressor: Decompressor) throws(Failure) {
    if state.withLock({ $0.seal != nil || $0.isForeign }) { return }
    guard let now = try files.status(path, followingLinks: false) else {
      return state.withLock { $0.isGone = true }
    }
    state.withLock { $0.isGone = false }
    guard now.isFile else { return }
    if let before = status, before.isSameFile(as: now), before.size == now.size { return }
    guard let file = try InputFile.ifPresent(path, followingLinks: false, files: files) else { return }
    try state.withLock { state throws(Failure) in try SegmentFile.read(file, into: &state, decompressor) }
  }

  private static func read(
    _ file: borrowing InputFile, into state: inout State, _ decompressor: Decompressor
  ) throws(Failure) {
    if let before = state.status, before.isSameFile(as: file.status), before.size == file.status.size {
      return
    }
    if state.end == 0 {
      let header = try file.part(at: 0, count: SegmentFormat.header.count)
      // Its writer has not begun, or was killed when it did.
      if header.count < SegmentFormat.header.count { return }
      if SegmentFormat.isLater(header) || file.size > SegmentFormat.segmentLimit {
        state.isForeign = true
        return
      }
      state.isHeaderDamaged = header != SegmentFormat.header
      state.end = header.count
    }
    // Groups behind a gap have other numbers in the seal than those by which they were found.
    if state.gaps.isEmpty, let seal = try seal(of: file) {
      state.seal = seal
      state.groups = seal.groups
      state.places = [:]
    } else {
      try readGroups(of: file, into: &state, decompressor)
      state.isForeign = state.isHeaderDamaged && state.groups.isEmpty
    }
    state.status = file.status
  }

  private static func seal(of file: borrowing InputFile) throws(Failure) -> SegmentSeal? {
    let tail = try file.part(
      at: max(0, file.size - SegmentFormat.sealTailLength), count: SegmentFormat.sealTailLength)
    guard let length = SegmentSeal.length(tail: tail),
      length <= file.size - SegmentFormat.header.count
    else { return nil }
    let start = file.size - length
    return SegmentSeal(try file.part(at: start, count: length), at: start)
  }

  /// Reads the groups that have come. Each byte is looked at a few times at most, whatever stands there.
  private static func readGroups(
    of file: borrowing InputFile, into state: inout State, _ decompressor: Decompressor
  ) throws(Failure) {
    // What was damage may be there by now: on a disk that others write to, pages come in any order.
    var position = state.gaps.first ?? state.end
    let known = Set(state.gaps.isEmpty ? [] : state.groups)
    state.gaps = []
    var gap: Int?
    while state.read < SegmentFormat.entryLimit {
      let head = SegmentHead(try file.part(at: position, count: SegmentFormat.headLength))
      guard let head, position + SegmentFormat.headLength + head.stored <= file.size else {
        gap = gap ?? position
        guard let next = try nextHead(in: file, after: position) else { return }
        position = next
        continue
      }
      var isSound = known.contains(position)
      if !isSound { isSound = try readGroup(head, at: position, of: file, into: &state, decompressor) }
      if isSound {
        if let gap { state.gaps.append(gap) }
        gap = nil
        state.end = max(state.end, position + SegmentFormat.headLength + head.stored)
      } else {
        gap = gap ?? position
      }
      position += SegmentFormat.headLength + head.stored
    }
  }

  /// - Returns: whether the group is sound.
  private static func readGroup(
    _ head: SegmentHead, at position: Int, of file: borrowing InputFile, into state: inout State,
    _ decompressor: Decompressor
  ) throws(Failure) -> Bool {
    let frame = try file.part(at: position + SegmentFormat.headLength, count: head.stored)
    var found: [(SegmentKey, SegmentPlace)] = []
    let number = state.groups.count
    do throws(Damage) {
      let logical = try SegmentGroup.logical(head, frame, decompressor)
      try SegmentGroup.forEachEntry(in: logical) { digest, kind, range in
        found.append(
          (
            SegmentKey(isRecord: kind == .record, digest: digest),
            SegmentPlace(kind: kind, group: number, range: range)
          ))
      }
    } catch {
      return false
    }
    for (key, place) in found where state.places[key] == nil { state.places[key] = place }
    state.read += max(1, found.count)
    state.groups.append(position)
    return true
  }

  /// Where the first sound head behind a place starts; nil if there is none.
  private static func nextHead(
    in file: borrowing InputFile, after position: Int
  ) throws(Failure) -> Int? {
    let length = SegmentFormat.headLength
    var start = position + 1
    while start + length <= file.size {
      let bytes = try file.part(at: start, count: SegmentFormat.searchedAtOnce)
      for offset in 0...bytes.count - length
      where bytes[offset] == SegmentFormat.headOpening[0] && bytes[offset + 8] == SegmentFormat.headOpening[8]
      {
        if SegmentHead(Array(bytes[offset..<offset + length])) != nil { return start + offset }
      }
      start += bytes.count - length + 1
    }
    return nil
  }

  // MARK: What it holds

  func place(of key: SegmentKey) -> SegmentPlace? {
    state.withLock { $0.seal?.place(of: key) ?? $0.places[key] }
  }

  /// The digests of its objects, or the keys of its records, between two.
  func digests(ofRecords isRecord: Bool, _ range: ClosedRange<Digest>) -> [Digest] {
    state.withLock { state in
      guard let seal = state.seal else {
        return state.places.keys.compactMap { key in
          key.isRecord == isRecord && range.contains(key.digest) ? key.digest : nil
        }
      }
      var digests: [Digest] = []
      var number = seal.firstNumber { $0 >= range.lowerBound }
      while number < seal.count {
        let digest = seal.digest(number)
        if digest > range.upperBound { break }
        if let place = seal.place(number), (place.kind == .record) == isRecord { digests.append(digest) }
        number += 1
      }
      return digests
    }
  }

  /// Where its groups stand.
  var groups: [Int] { state.withLock(\.groups) }

  /// The seal for what it holds.
  var newSeal: [UInt8] { state.withLock { SegmentSeal.bytes(groups: $0.groups, $0.places) } }

  /// Head and frame of a group, from an open file.
  static func group(_ file: borrowing InputFile, at offset: Int) throws -> (SegmentHead, [UInt8]) {
    guard let head = SegmentHead(try file.part(at: offset, count: SegmentFormat.headLength)) else {
      throw Damage("the head of a group in \(file.path) does not match its check")
    }
    let start = offset + SegmentFormat.headLength
    guard start + head.stored <= file.size else { throw Damage("\(file.path) is cut short") }
    return (head, try file.part(at: start, count: head.stored))
  }

  /// The logical bytes of a group.
  /// - Throws: `.notFound` if the segment is gone, `Damage` if they are not what was written.
  func logical(ofGroup number: Int, _ decompressor: Decompressor) throws -> [UInt8] {
    let offset = state.withLock { $0.groups[number] }
    let file = try InputFile(path, followingLinks: false, files: files)
    let (head, frame) = try SegmentFile.group(file, at: offset)
    return try SegmentGroup.logical(head, frame, decompressor)
  }
}

extension InputFile {
  /// Some bytes, as far as the file reached when it was opened.
  /// - Throws: `.unreadable` if there are fewer now.
  fileprivate func part(at offset: Int, count: Int) throws(Failure) -> [UInt8] {
    let count = min(count, max(0, size - offset))
    let bytes = try bytes(at: offset, count: count)
    if bytes.count < count {
      throw Failure(.unreadable, "cannot read \(path): it ends before its size")
    }
    return bytes
  }
}
