import Artefacts
import JSON
import Runs

/// Where records came from, and who stands behind them.
struct RecordOrigins {
  private var all: [Digest: (standing: Trust.Standing, place: String?)] = [:]

  /// - Throws: if somebody else's records are among them, and the configuration that says who is known cannot be understood.
  init(of records: some Sequence<Record>, in store: Store) throws {
    var knowing: Trust?
    for record in records where all[record.key] == nil {
      // Who has computed all of it himself needs no file of others.
      if try Trust.everybody.standing(of: record, in: store) == .own {
        all[record.key] = (.own, nil)
        continue
      }
      let trust = try knowing ?? Configuration.read().knowingSigners()
      knowing = trust
      // What is told of an action may be another result of it, from elsewhere.
      let place = try store.toldRecord(record.key) == record ? store.originOfTold(record.key) : nil
      all[record.key] = (try trust.standing(of: record, in: store), place)
    }
  }

  init(of lineage: Lineage, in store: Store) throws {
    try self.init(
      of: lineage.makers.values.map(\.record) + [lineage.asked?.record].compactMap(\.self), in: store)
  }

  /// Nil for what this user has computed here.
  func words(for key: Digest) -> String? {
    guard let origin = all[key], origin.standing != .own else { return nil }
    return (origin.place.map { "from \($0), " } ?? "not known to be computed here by you, ")
      + origin.standing.words
  }

  /// The members `standing` and `from` of what is told of a record; none of one that is not known.
  func json(for key: Digest) -> [String: JSON] {
    guard let origin = all[key] else { return [:] }
    return ["standing": origin.standing.json, "from": origin.place.map { .string($0) } ?? .null]
  }

  /// The lineage with two members more for each maker.
  func added(to json: JSON) -> JSON {
    var members = json.object ?? [:]
    members["made_by"] = .object(
      (json["made_by"]?.object ?? [:]).mapValues { maker in
        guard let key = maker["action"]?.string.flatMap({ Digest($0) }) else { return maker }
        return .object((maker.object ?? [:]).merging(self.json(for: key)) { _, new in new })
      })
    return .object(members)
  }
}
