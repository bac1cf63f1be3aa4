public import Artefacts
import System

extension BundleFolder {
  /// What came into a store.
  public struct Filling: Sendable {
    public let artefacts: Int
    public let records: Int
    /// Artefacts that records name and that are not in the bundle.
    public let omitted: Int
  }

  /// Brings all that was made, each compared with its digest, and the records of how into a store. What the bundle leaves out
  /// counts as removed to save room.
  ///
  /// - Parameters:
  ///   - target: an empty store.
  ///   - place: where the records are said to come from.
  public func fill(_ target: Store, from place: String) async throws -> Filling {
    var damage: Failure?
    let records = try store.records { damage = damage ?? $0 }
    if let damage { throw damage }
    try target.make()
    let omitted = Set(manifest.omitted)
    let made = manifest.stages.flatMap(\.outputs).map(\.artefact).filter { !omitted.contains($0.digest) }
    let artefacts = Set(made + manifest.given)
    do { try await target.fetch(artefacts.sorted { $0.digest < $1.digest }, from: [store]) } catch let error
      as Failure
    {
      throw error.code == .notFound ? incomplete(error, place) : error
    }
    let publication = target.publication()
    // What was printed can be done without, and nobody says how long it is.
    let logs = Set(records.compactMap(\.log)).sorted()
    _ = try await store.copy(logs.map { WantedObject($0, size: nil) }, to: publication)
    try publication.commit()
    for record in records { try publication.add(record: record) }
    let named = records.flatMap(\.artefacts)
    try target.add(await store.signatures(for: records.map(\.key)))
    try target.leavingOut(named) { try publication.commit() }
    try? target.note(told: records, from: place)
    let left = Set(try named.map(\.digest).filter { try !target.contains($0) })
    return Filling(artefacts: artefacts.count, records: records.count, omitted: left.count)
  }

  private func incomplete(_ error: Failure, _ place: String) -> Failure {
    Failure(
      .notFound, "the bundle \(place) is not complete: \(error.headline)", facts: error.facts,
      hint:
        "copy it again, with all that is in its store/; where the bundle is unpacked, 'sha256sum -c SHA256SUMS' names what is missing",
      cause: error)
  }
}
