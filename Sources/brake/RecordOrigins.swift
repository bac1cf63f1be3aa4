import Artefacts
import JSON
import Runs

/// Where the records of a lineage came from, and who stands behind them.
struct RecordOrigins {
  private var all: [Digest: (standing: Trust.Standing, place: String?)] = [:]

  init(of lineage: Lineage, in store: Store) throws {
    let trust = try Configuration.read().knowingSigners()
    for maker in lineage.makers.values where all[maker.record.key] == nil {
      let key = maker.record.key
      let place = maker.isTold ? store.originOfTold(key) : nil
      all[key] = (try trust.standing(of: maker.record, in: store), place)
    }
  }

  /// Nil for what this user has computed here.
  func words(for key: Digest) -> String? {
    guard let origin = all[key], origin.standing != .own else { return nil }
    return (origin.place.map { "from \($0), " } ?? "not known to be computed here by you, ")
      + origin.standing.words
  }

  /// The lineage with two members more for each maker.
  func added(to json: JSON) -> JSON {
    var members = json.object ?? [:]
    members["made_by"] = .object(
      (json["made_by"]?.object ?? [:]).mapValues { maker in
        guard let key = maker["action"]?.string.flatMap({ Digest($0) }), let origin = all[key] else {
          return maker
        }
        return .object(
          (maker.object ?? [:]).merging([
            "standing": origin.standing.json, "from": origin.place.map { .string($0) } ?? .null,
          ]) { _, new in new })
      })
    return .object(members)
  }
}
