import Actions
import Artefacts
import Pipeline

/// A recorded action compared with another.
struct Relative {
  /// How close two stages are. The closer one is compared with, however much differs.
  enum Kinship: Int, Comparable {
    case sameInstance, sameStage, otherStage

    static func < (a: Kinship, b: Kinship) -> Bool { a.rawValue < b.rawValue }
  }

  let record: Record
  let kinship: Kinship
  /// Whether this pipeline's file is known to have made it.
  let isSamePipeline: Bool
  /// How it was made; nil of another stage's, or where nobody knows.
  let making: Making?
  let differences: [Explanation.Difference]

  /// The record to compare an action with, its own left out: of the same instance, or else of the same stage, or else of
  /// the same operation or command. Among these, one that this pipeline has made; then the one with the fewest
  /// differences; then the newest.
  static func nearest(to action: Action, of instance: StageInstance, in records: [Record], makings: Makings)
    -> Relative?
  {
    let facts = ManifestFacts(action.manifest)
    let relatives = records.compactMap { record -> Relative? in
      guard record.manifest != action.manifest else { return nil }
      let other = ManifestFacts(record.manifest)
      guard other.operation == facts.operation else { return nil }
      let kinship = kinship(of: instance, to: record.stage)
      // Two commands of different stages are of one kind only if they are the same.
      if kinship == .otherStage, facts.operation == nil, other.command != facts.command { return nil }
      let making = kinship == .otherStage ? nil : makings.of(record.key)
      return Relative(
        record: record, kinship: kinship, isSamePipeline: making?.pipeline == makings.pipeline,
        making: making, differences: facts.differences(from: other))
    }
    return relatives.min { $0.isNearer(than: $1) }
  }

  private func isNearer(than other: Relative) -> Bool {
    if kinship != other.kinship { return kinship < other.kinship }
    if isSamePipeline != other.isSamePipeline { return isSamePipeline }
    if differences.count != other.differences.count { return differences.count < other.differences.count }
    let (finished, others) = (making?.finished ?? "", other.making?.finished ?? "")
    return finished == others ? record.key < other.record.key : finished > others
  }

  private static func kinship(of instance: StageInstance, to stage: String) -> Kinship {
    if stage == instance.name { return .sameInstance }
    return stage.prefix { $0 != "[" && $0 != "@" } == instance.stage ? .sameStage : .otherStage
  }
}
