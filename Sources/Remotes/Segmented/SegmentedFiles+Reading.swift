import Artefacts
import Synchronization
import System

/// What stands in segments is read group by group, and groups that stand near each other at once.
extension SegmentedFiles {
  /// Bytes that are read at once, at most, and that are read in vain between two groups.
  private static let pieceSize = 4 << 20
  private static let gap = 128 << 10
  private static let lanes = 4

  /// Delivers what stands in segments.
  /// - Parameter time: since when what is not found may stand in a segment: who puts files together in one names it before they go.
  /// - Returns: what is wrong with some of the rest, as far as it stands in segments or may.
  func deliver(_ landings: [Landing], since time: Int64 = 0) async throws -> [ObjectIdentifier: Failure] {
    var faults: [ObjectIdentifier: Failure] = [:]
    var open = landings.filter { $0.takesContent || !$0.isOfObject }
    var fault: Failure?
    var since = SystemTime.monotonic() - DistantCatalogue.patience
    for _ in 0..<4 where !open.isEmpty {
      try await catalogue.update(since: since)
      let paths = open.map { StorePath($0.path)! }
      let found: [StorePath: DistantCatalogue.Found]
      (found, fault) = try await catalogue.find(Set(paths))
      var deliveries: [ObjectIdentifier: SegmentDelivery] = [:]
      for (landing, path) in zip(open, paths) {
        guard let place = found[path] else { continue }
        deliveries[ObjectIdentifier(place.segment), default: SegmentDelivery(place, name)]
          .add(landing, path, at: place.place)
      }
      for delivery in deliveries.values { faults.merge(try await deliver(delivery)) { $1 } }
      open = open.filter { $0.outcome == nil && faults[ObjectIdentifier($0)] == nil }
      if deliveries.values.contains(where: \.segment.isGone) {
        // Who collects what is not needed may have written the rest of a segment to another one.
        since = SystemTime.monotonic()
      } else if since < time {
        since = time
      } else {
        break
      }
    }
    for landing in open { faults[ObjectIdentifier(landing)] = fault }
    return faults
  }

  private struct Piece: Sendable {
    var range: Range<Int>
    var groups: [Int]
  }

  private func deliver(_ delivery: SegmentDelivery) async throws -> [ObjectIdentifier: Failure] {
    let (segment, sealed) = (delivery.segment, delivery.sealed)
    var pieces: [Piece] = []
    for number in delivery.groups {
      if let content = groups.content(of: segment.name, number) {
        delivery.hand(content, ofGroup: number)
        continue
      }
      let range = sealed.bytes(ofGroup: number)
      if let last = pieces.last?.range, range.lowerBound - last.upperBound <= SegmentedFiles.gap,
        range.upperBound - last.lowerBound <= SegmentedFiles.pieceSize
      {
        pieces[pieces.count - 1].range = last.lowerBound..<range.upperBound
        pieces[pieces.count - 1].groups.append(number)
      } else {
        pieces.append(Piece(range: range, groups: [number]))
      }
    }
    try await Lanes.run(SegmentedFiles.lanes, pieces) { [groups] piece in
      do {
        guard let bytes = try await segment.bytes(piece.range) else { return }
        for number in piece.groups {
          let range = sealed.bytes(ofGroup: number)
          let start = range.lowerBound - piece.range.lowerBound
          do throws(Failure) {
            let content = try SealedSegment.content(ofGroup: bytes[start..<start + range.count])
            groups.keep(content, of: segment.name, number)
            delivery.hand(content, ofGroup: number)
          } catch {
            delivery.fail([number], delivery.fault(error))
          }
        }
      } catch let error as Failure {
        delivery.fail(piece.groups, error)
      }
    }
    return delivery.faults
  }
}

/// What is wanted of one segment.
private struct SegmentDelivery: Sendable {
  let segment: DistantSegment
  let sealed: SealedSegment
  private let place: String
  private let state = State()
  private var wanted: [Int: [Wanted]] = [:]

  private struct Wanted: Sendable {
    let landing: Landing
    let path: StorePath
    let place: SealedSegment.Place
  }

  private final class State: Sendable {
    let faults = Mutex<[ObjectIdentifier: Failure]>([:])
  }

  init(_ found: DistantCatalogue.Found, _ place: String) {
    segment = found.segment
    sealed = found.sealed
    self.place = place
  }

  mutating func add(_ landing: Landing, _ path: StorePath, at place: SealedSegment.Place) {
    wanted[place.group, default: []].append(Wanted(landing: landing, path: path, place: place))
  }

  /// The numbers of the groups that hold something of it.
  var groups: [Int] { wanted.keys.sorted() }
  var faults: [ObjectIdentifier: Failure] { state.faults.withLock { $0 } }

  /// Delivers what stands in a group.
  func hand(_ content: [UInt8], ofGroup number: Int) {
    for each in wanted[number] ?? [] {
      do throws(Failure) {
        each.landing.take(try each.path.bytes(at: each.place, in: content), from: place)
      } catch {
        fail(each.landing, fault(error))
      }
    }
  }

  /// What of these groups has not been delivered cannot be.
  func fail(_ groups: [Int], _ failure: Failure) {
    for number in groups {
      for each in wanted[number] ?? [] where each.landing.outcome == nil { fail(each.landing, failure) }
    }
  }

  private func fail(_ landing: Landing, _ failure: Failure) {
    state.faults.withLock { $0[ObjectIdentifier(landing)] = failure }
  }

  func fault(_ failure: Failure) -> Failure {
    RemoteFailure.damaged(place, "has a damaged segment, segments/\(segment.name): \(failure.headline)")
  }
}

extension Landing {
  /// Takes what stands in a segment.
  fileprivate func take(_ bytes: [UInt8], from place: String) {
    if takesContent { return arrive(content: bytes) }
    do {
      try bytes.withUnsafeBytes { try append($0, from: place) }
      arrive()
    } catch {
      fail(error)
    }
  }
}

/// Groups that were read last: what is asked for next mostly stands in them, too.
final class DistantGroups: Sendable {
  private struct Group {
    let segment: String
    let number: Int
    let content: [UInt8]
  }

  private let recent = Mutex<[Group]>([])
  private static let limit = 16

  func content(of segment: String, _ number: Int) -> [UInt8]? {
    recent.withLock { $0.last { $0.number == number && $0.segment == segment }?.content }
  }

  func keep(_ content: [UInt8], of segment: String, _ number: Int) {
    recent.withLock { recent in
      if recent.count == DistantGroups.limit { recent.removeFirst() }
      recent.append(Group(segment: segment, number: number, content: content))
    }
  }
}
