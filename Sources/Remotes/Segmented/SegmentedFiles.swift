import Artefacts
import Synchronization
import System

/// A place that cannot be listed, with what stands in the segments that its catalogue names: objects and records in them look as if each
/// had a file of its own.
final class SegmentedFiles: RangedFiles {
  var name: String { files.name }
  let files: any ExclusiveFiles
  let catalogue: DistantCatalogue
  let groups = DistantGroups()
  let writing = Mutex(SegmentedWriting())

  /// So many are asked for as files first, and more in the catalogue.
  private static let few = 16

  init(_ files: any ExclusiveFiles) {
    self.files = files
    catalogue = DistantCatalogue(of: files)
  }

  /// What is known of its segments is kept in a store for the next time.
  func use(_ store: Store) { catalogue.use(DistantIndex(of: name, in: store)) }

  func present(among paths: [String]) async throws -> Set<String> {
    let isFew = paths.count <= SegmentedFiles.few
    var there = isFew ? try await files.present(among: paths) : []
    var named: [StorePath: String] = [:]
    for path in paths where !there.contains(path) {
      if let name = StorePath(path), name.isInSegments { named[name] = path }
    }
    if !named.isEmpty {
      try await catalogue.update(since: SystemTime.monotonic() - DistantCatalogue.patience)
      let found = try await catalogue.find(Set(named.keys), asking: true).found
      there.formUnion(found.keys.compactMap { named[$0] })
    }
    if !isFew { there.formUnion(try await files.present(among: paths.filter { !there.contains($0) })) }
    return there
  }

  func read(_ landings: [Landing]) async throws {
    let named = landings.filter { StorePath($0.path)?.isInSegments == true }
    var faults: [ObjectIdentifier: Failure] = [:]
    if named.count > SegmentedFiles.few {
      let early = try await mayBeOutdated(named) ? named.filter(\.isOfObject) : named
      faults = try await deliver(early)
    }
    try await files.read(landings.filter { $0.outcome == nil })
    // What is not in a file any more stands in a segment that was named before this moment.
    let time = SystemTime.monotonic()
    let late = named.filter(\.isMissing)
    for landing in late {
      landing.reopen()
      faults[ObjectIdentifier(landing)] = nil
    }
    if !late.isEmpty { faults.merge(try await deliver(late, since: time)) { $1 } }
    let lost = late.filter { $0.outcome == nil && $0.isOfObject && faults[ObjectIdentifier($0)] == nil }
    if !lost.isEmpty, catalogue.doubt() {
      faults.merge(try await deliver(lost, since: SystemTime.monotonic())) { $1 }
    }
    for landing in named {
      if landing.outcome == nil { landing.miss() }
      // A record that is damaged is as one that is not there.
      if landing.isMissing, landing.isOfObject, let fault = faults[ObjectIdentifier(landing)] {
        landing.fail(fault)
      }
    }
  }

  /// Whether one of some records may have been replaced by one in a file of its own, which then counts. Only a brake that has the store on
  /// its own disk does that, and such a one leaves a file.
  private func mayBeOutdated(_ landings: [Landing]) async throws -> Bool {
    if landings.allSatisfy({ $0.isOfObject }) { return false }
    do {
      return try await files.bytes(of: "segments/replaced", limit: 256) != nil
    } catch let error as CancellationError { throw error } catch {
      return true
    }
  }

  func write(_ shipments: [Shipment]) async throws { try await files.write(shipments) }

  /// What has no file may stand in a segment: it is small, and who wants a part of it fetches all of it.
  func read(_ part: WantedPart, of path: String) throws -> FilePart {
    let found = try files.read(part, of: path)
    guard case .missing = found, case .object? = StorePath(path) else { return found }
    return .wholeOnly
  }
}

extension Landing {
  var isOfObject: Bool { if case .object? = StorePath(path) { true } else { false } }
  fileprivate var isMissing: Bool { if case .success(.isNotThere)? = outcome { true } else { false } }
}
