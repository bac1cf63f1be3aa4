import Artefacts
import Synchronization
import System

/// The catalogue of a place, as far as it was read, and the seals of the segments that it names, as far as something was looked for in
/// them.
final class DistantCatalogue: Sendable {
  private let files: any RangedFiles
  private let room = SegmentRoom()
  private let state = Mutex(State())

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
      }
      count = min(2 * count, DistantCatalogue.batch)
    }
  }

  private func note(_ entries: [Catalogue.Entry], ofFile number: Int) {
    state.withLock { state in
      guard state.next == number else { return }
      state.next += 1
      for entry in entries where state.names.count < Catalogue.entryLimit {
        guard state.names.insert(entry.name).inserted else { continue }
        state.segments.append(DistantSegment(entry, of: files))
      }
    }
  }

  /// Looks for objects and records, in what was added last first.
  /// - Returns: where those are that were found, and what is wrong with a segment in which the others may be, or with the catalogue.
  func find(_ wanted: Set<StorePath>) async throws -> (found: [StorePath: Found], fault: Failure?) {
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
      try await Lanes.run(DistantCatalogue.batch, batch.filter { !$0.isKnown }) { [room] segment in
        do { try await segment.look(room) } catch let error as Failure { fault.withLock { $0 = error } }
      }
      for segment in batch.reversed() {
        if let unsound = segment.fault { fault.withLock { $0 = unsound } }
        guard let sealed = segment.sealed else { continue }
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

  fileprivate func place(in sealed: SealedSegment) -> SealedSegment.Place? {
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
