import Artefacts
import Synchronization
import System

/// The catalogue of a place, as far as it was read, and the seals of the segments that it names, as far as something was looked for in
/// them.
final class DistantCatalogue: Sendable {
  private let files: any RangedFiles
  private let room = SegmentRoom()
  private let state = Mutex(State())
  /// What is known from earlier times; nil where nobody keeps it.
  private let index = Mutex<DistantIndex?>(nil)

  private struct State {
    /// The number of the first file that was not there.
    var next = 0
    /// Oldest first.
    var segments: [DistantSegment] = []
    var names: Set<String> = []
    /// When it was last looked at.
    var lookedAt: Int64?
    /// Why not all of it could be read then.
    var fault: Failure?
    /// Whether it was looked for in what is known from earlier times.
    var isRecalled = false
    /// Whether some of it is from there.
    var isOld = false
  }

  /// Where an object or record stands.
  struct Found: Sendable {
    let segment: DistantSegment
    let sealed: SealedSegment
    let place: SealedSegment.Place
  }

  /// Files that are asked for, and segments that are looked at, at once.
  private static let batch = 16
  /// For so long nobody needs to ask whether something was added.
  static let patience: Int64 = 1_000_000_000

  init(of files: any RangedFiles) { self.files = files }

  /// Keeps what it reads for the next time, and uses what was kept, unless something was read before.
  func use(_ index: DistantIndex) { self.index.withLock { $0 = $0 ?? index } }

  /// The number of the next file that somebody adds.
  var next: Int { state.withLock(\.next) }

  /// Reads what was added, unless that was done since a time. A place that forbids it is one that has none.
  func update(since time: Int64) async throws {
    if state.withLock({ $0.lookedAt.map { $0 >= time } ?? false }) { return }
    let now = SystemTime.monotonic()
    var fault: Failure?
    do { _ = try await readOn() } catch let error as Failure {
      if error.cause(RemoteFailure.Forbidden.self) == nil { fault = error }
    }
    state.withLock { [fault] in ($0.lookedAt, $0.fault) = (now, fault) }
  }

  /// The same.
  /// - Returns: whether the number after the last file is free.
  /// - Throws: if it cannot be read.
  func readOn() async throws -> Bool {
    defer { index.withLock(\.self)?.keep() }
    try await recall()
    var count = 1
    while true {
      let (first, known) = state.withLock { ($0.next, $0.names.count) }
      guard first < Catalogue.fileLimit, known < Catalogue.entryLimit else { return false }
      let numbers = first..<min(first + count, Catalogue.fileLimit)
      let landings = numbers.map { Landing(Catalogue.path($0), limit: Catalogue.fileSize) }
      try await files.read(landings)
      for (number, landing) in zip(numbers, landings) {
        guard try landing.isThere() else { return true }
        let entries = Catalogue.entries(landing.bytes)
        // Such as a page with which everything is answered.
        if entries.isEmpty { return false }
        note(entries, ofFile: number)
        index.withLock(\.self)?.note(catalogue: landing.bytes, number: number)
      }
      count = min(2 * count, DistantCatalogue.batch)
    }
  }

  /// Takes what is known from earlier times, if the first and the last file of it are still what they were: who copies another store
  /// over this one, or has everything named anew, replaces one of them at least.
  private func recall() async throws {
    guard let index = index.withLock(\.self) else { return }
    let isFirst = state.withLock { state in
      defer { state.isRecalled = true }
      return !state.isRecalled && state.next == 0
    }
    if !isFirst { return }
    let known = Array(index.catalogue().prefix(Catalogue.fileLimit))
    if known.isEmpty { return }
    let ends = Set([0, known.count - 1]).sorted()
    let landings = ends.map { Landing(Catalogue.path($0), limit: Catalogue.fileSize) }
    try await files.read(landings)
    guard try zip(ends, landings).allSatisfy({ try $1.isThere() && $1.bytes == known[$0] }) else {
      return index.forget()
    }
    for (number, bytes) in known.enumerated() { note(Catalogue.entries(bytes), ofFile: number) }
    state.withLock { $0.isOld = true }
  }

  /// Has all of it read anew if something is not found though it was promised, and some of it is from earlier times.
  /// - Returns: whether it will be.
  func doubt() -> Bool {
    state.withLock { state in
      defer { state.isOld = false }
      if state.isOld { (state.next, state.lookedAt) = (0, nil) }
      return state.isOld
    }
  }

  private func note(_ entries: [Catalogue.Entry], ofFile number: Int) {
    let index = index.withLock(\.self)
    state.withLock { state in
      guard state.next == number else { return }
      state.next += 1
      for entry in entries where state.names.count < Catalogue.entryLimit {
        guard state.names.insert(entry.name).inserted else { continue }
        state.segments.append(DistantSegment(entry, of: files, room, index))
      }
    }
  }

  /// Looks for objects and records, in what was added last first.
  /// - Parameter asking: whether segments are asked for that were there at earlier times: those of them that went are passed over.
  /// - Returns: where those are that were found, and what is wrong with a segment in which the others may be, or with the catalogue.
  func find(
    _ wanted: Set<StorePath>, asking: Bool = false
  ) async throws -> (found: [StorePath: Found], fault: Failure?) {
    defer { index.withLock(\.self)?.keep() }
    var open = wanted
    var found: [StorePath: Found] = [:]
    let (segments, unread) = state.withLock { state in
      state.segments.removeAll(where: \.isGone)
      return (state.segments, state.fault)
    }
    let fault = Mutex(unread)
    var end = segments.count
    while end > 0, !open.isEmpty {
      let batch = segments[max(0, end - DistantCatalogue.batch)..<end]
      try await Lanes.run(DistantCatalogue.batch, batch.filter { !$0.isKnown }) { segment in
        do { try await segment.look() } catch let error as Failure { fault.withLock { $0 = error } }
      }
      let old = asking ? batch.filter { $0.isOld && $0.holds(oneOf: open) } : []
      try await Lanes.run(DistantCatalogue.batch, old) { segment in
        do { try await segment.lookAgain() } catch let error as Failure { fault.withLock { $0 = error } }
      }
      for segment in batch.reversed() {
        if let unsound = segment.fault { fault.withLock { $0 = unsound } }
        // Of one that did not answer nobody knows whether it is still there.
        guard let sealed = segment.sealed, !(asking && segment.isOld) else { continue }
        for path in open {
          guard let place = path.place(in: sealed) else { continue }
          found[path] = Found(segment: segment, sealed: sealed, place: place)
          open.remove(path)
        }
      }
      end -= DistantCatalogue.batch
    }
    return (found, fault.withLock { $0 })
  }
}

extension StorePath {
  /// Whether it may stand in a segment.
  var isInSegments: Bool {
    switch self {
    case .object, .record: true
    default: false
    }
  }

  func place(in sealed: SealedSegment) -> SealedSegment.Place? {
    switch self {
    case .object(let digest): sealed.place(ofObject: digest)
    case .record(let key): sealed.place(ofRecord: key)
    default: nil
    }
  }

  /// The bytes of an object or record, proven to be that.
  /// - Parameter content: of the group that they stand in.
  /// - Throws: if they are others.
  func bytes(at place: SealedSegment.Place, in content: [UInt8]) throws(Failure) -> [UInt8] {
    switch self {
    case .object(let digest): try SealedSegment.object(digest, at: place, in: content)
    case .record(let key): try SealedSegment.record(key, at: place, in: content)
    default: throw Failure(.notFound, "\(text) stands in no segment")
    }
  }
}
