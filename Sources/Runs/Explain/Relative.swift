import Actions
import Artefacts
import Pipeline

/// A recorded action compared with another.
struct Relative {
  /// How close two stages are. The closer one is compared with, however much differs.
  enum Kinship: Int {
    case sameInstance, sameStage, otherStage
  }

  let record: Record
  let kinship: Kinship
  /// How it was made; nil of another stage's, or where nobody knows.
  let making: Making?
  let differences: [Explanation.Difference]
}

/// What is recorded, by what it is of, so that the relatives of many actions are found without taking each record apart for each of
/// them.
final class Relatives {
  /// What decides between relatives that are equally close.
  private struct Rank {
    /// Whether this pipeline's file is known to have made it.
    let isSamePipeline: Bool
    let differences: Int
    let finished: String
    let key: Digest

    func isNearer(than other: Rank) -> Bool {
      if isSamePipeline != other.isSamePipeline { return isSamePipeline }
      if differences != other.differences { return differences < other.differences }
      return finished == other.finished ? key < other.key : finished > other.finished
    }
  }

  private let records: [Record]
  private let makings: Makings
  private let byKey: [Digest: Int]
  /// By the name of the instance, and by that of the stage.
  private let instances: [String: [Int]]
  private let stages: [String: [Int]]
  /// Taken apart and asked for when they are needed first.
  private var facts: [ManifestFacts?]
  private var made: [Int: Making?] = [:]
  /// By the operation, or by the command's text.
  private lazy var kinds = Dictionary(grouping: records.indices) { Relatives.kind(of: facts($0)) }

  init(_ records: [Record], makings: Makings) {
    self.records = records
    self.makings = makings
    facts = Array(repeating: nil, count: records.count)
    byKey = Dictionary(records.indices.map { (records[$0].key, $0) }, uniquingKeysWith: { first, _ in first })
    instances = Dictionary(grouping: records.indices) { records[$0].stage }
    stages = Dictionary(grouping: records.indices) { Relatives.stage(of: records[$0].stage) }
  }

  /// What is recorded of the action itself.
  func record(of action: Action) -> Record? { byKey[action.key].map { records[$0] } }

  /// The record to compare an action with, its own left out: of the same instance, or else of the same stage, or else of
  /// the same operation or command. Among these, one that this pipeline has made; then the one with the fewest
  /// differences; then the newest.
  func nearest(to action: Action, of instance: StageInstance) -> Relative? {
    let facts = ManifestFacts(action.manifest)
    return best(instances[instance.name] ?? [], .sameInstance, action, facts)
      ?? best(stages[instance.stage] ?? [], .sameStage, action, facts)
      ?? best(kinds[Relatives.kind(of: facts)] ?? [], .otherStage, action, facts)
  }

  private func best(
    _ candidates: [Int], _ kinship: Relative.Kinship, _ action: Action, _ facts: ManifestFacts
  ) -> Relative? {
    var best: (index: Int, rank: Rank)?
    for index in candidates where records[index].key != action.key {
      let other = self.facts(index)
      guard other.operation == facts.operation else { continue }
      let making = kinship == .otherStage ? nil : making(index)
      let rank = Rank(
        isSamePipeline: making?.pipeline == makings.pipeline,
        differences: facts.numberOfDifferences(from: other), finished: making?.finished ?? "",
        key: records[index].key)
      if best.map({ rank.isNearer(than: $0.rank) }) ?? true { best = (index, rank) }
    }
    return best.map {
      Relative(
        record: records[$0.index], kinship: kinship,
        making: kinship == .otherStage ? nil : making($0.index),
        differences: facts.differences(from: self.facts($0.index)))
    }
  }

  private func facts(_ index: Int) -> ManifestFacts {
    if let known = facts[index] { return known }
    let found = ManifestFacts(records[index].manifest)
    facts[index] = found
    return found
  }

  private func making(_ index: Int) -> Making? {
    if let known = made[index] { return known }
    let found = makings.of(records[index].key)
    made[index] = .some(found)
    return found
  }

  /// Two commands of different stages are of one kind only if they are the same.
  private static func kind(of facts: ManifestFacts) -> [String?] {
    facts.operation.map { [$0] } ?? [nil, facts.command]
  }

  private static func stage(of name: String) -> String { String(name.prefix { $0 != "[" && $0 != "@" }) }
}
