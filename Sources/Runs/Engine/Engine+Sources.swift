import Actions
import Artefacts
import Synchronization
import System

extension Engine {
  /// What other places than the store have recorded of some actions, as far as all of it can be had. From then on it counts as recorded
  /// here, and what of it is not here as what was removed to save room.
  func foundElsewhere(_ actions: [Action]) async -> [Digest: Record] {
    var found: [Digest: Record] = [:]
    let wantedActions = Dictionary(actions.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
    var rest = wantedActions
    for source in sources where !rest.isEmpty {
      // Who does not answer, or does not tell the truth, has nothing.
      guard let offer = try? await offer(of: source, for: Array(rest.values)) else { continue }
      let (sound, signatures) = (offer.sound, offer.signatures)
      let wanted = sound.values.flatMap { $0.outputs.map(\.artefact.digest) }
      guard let present = try? await source.present(among: wanted) else { continue }
      var taken: [Record] = []
      for (key, record) in sound.sorted(by: { $0.key < $1.key }) {
        let isThere = record.outputs.allSatisfy {
          present.contains($0.artefact.digest) || (try? store.isWhole($0.artefact)) == true
        }
        if isThere {
          found[key] = record
          rest[key] = nil
          taken.append(record)
        }
      }
      // So that the next run finds it, and it can be told where it was made, and by whom. A run does not fail for it.
      try? record(taken, of: wantedActions, signatures, from: source.place)
      try? store.note(told: taken, from: source.place)
      _ = try? store.add(signatures.filter { found[$0.key] != nil })
    }
    return found
  }

  /// What one place has recorded of some actions.
  /// - Throws: if it does not answer.
  func offer(of source: any RecordSource, for actions: [Action]) async throws -> RecordOffer {
    var offer = RecordOffer()
    let wanted = Dictionary(actions.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
    let known = try await source.records(for: wanted.keys.sorted()).filter { key, record in
      guard record.key == key, let action = wanted[key] else { return false }
      offer.refusals[key] = action.fault(in: record.outputs)
      return offer.refusals[key] == nil
    }
    // A place that does not know of signatures may say so.
    offer.signatures = (try? await source.signatures(for: known.keys.sorted())) ?? [:]
    for (key, record) in known {
      let refusal: String?
      do {
        refusal = try trust.refusal(of: record, in: store, offer.signatures[key] ?? RecordSignatures())
      } catch let error as Failure {
        // What cannot be checked does not count, and the others are looked at all the same.
        refusal = error.headline
      }
      if let refusal { offer.refusals[key] = refusal } else { offer.sound[key] = record }
    }
    return offer
  }

  /// The inputs of an action that are not in the store, and may be elsewhere.
  func lacking(_ action: Action) -> [Artefact] {
    if sources.isEmpty { return [] }
    return action.storedArtefacts.filter { (try? store.isWhole($0)) == false }
  }

  /// Brings artefacts into the store.
  ///
  /// - Parameter all: whether the others are of use where one cannot be had; if not, it ends there.
  /// - Returns: those that nobody has, or hands out, in this order.
  func fetch(_ artefacts: [Artefact], all: Bool) async throws -> [NotFetched] {
    var missing: [NotFetched] = []
    for artefact in artefacts where all || missing.isEmpty {
      do { try await store.fetch(artefact, from: sources) } catch let error as Failure
        where error.isLoss || error.code == .refused
      {
        missing.append(NotFetched(digest: artefact.digest, error: error))
      }
    }
    return missing
  }

  /// Brings those outputs into the store that it does not have.
  ///
  /// - Returns: whether there were some, and all of them were had.
  func fetchLost(of outputs: [Record.Output]) async throws -> Bool {
    if sources.isEmpty { return false }
    let lost = outputs.map(\.artefact).filter { (try? store.isWhole($0)) == false }
    if lost.isEmpty { return false }
    return try await fetch(lost, all: false).isEmpty
  }
}
