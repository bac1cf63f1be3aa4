import Artefacts

/// A recorded action compared with another.
struct Relative {
  /// How close two stages are. The closer one is compared with, however much differs.
  enum Kinship: Int, Comparable {
    case sameInstance, sameStage, otherStage

    static func < (a: Kinship, b: Kinship) -> Bool { a.rawValue < b.rawValue }
  }

  let record: Record
  let kinship: Kinship
  let differences: [Explanation.Difference]

  /// The record to compare an action with, its own left out: of the same instance, or else of the same stage, or else of
  /// the same operation or command; among these the one with the fewest differences, then the smallest key.
  static func nearest(to action: Action, in records: [Record]) -> Relative? {
    let facts = ManifestFacts(action.manifest)
    let relatives = records.compactMap { record -> Relative? in
      guard record.manifest != action.manifest else { return nil }
      let other = ManifestFacts(record.manifest)
      guard other.operation == facts.operation else { return nil }
      let kinship = kinship(of: action.instance, to: record.stage)
      // Two commands of different stages are of one kind only if they are the same.
      if kinship == .otherStage, facts.operation == nil, other.command != facts.command { return nil }
      return Relative(record: record, kinship: kinship, differences: facts.differences(from: other))
    }
    return relatives.min { a, b in
      (a.kinship, a.differences.count, a.record.key) < (b.kinship, b.differences.count, b.record.key)
    }
  }

  private static func kinship(of instance: StageInstance, to stage: String) -> Kinship {
    if stage == instance.name { return .sameInstance }
    return stage.prefix { $0 != "[" && $0 != "@" } == instance.stage ? .sameStage : .otherStage
  }
}
