import Actions
public import Artefacts
public import JSON
import Pipeline

/// Runs beside each other: what they were given, what they made, and the numbers in the JSON files among that.
public struct RunComparison: Sendable {
  public enum Section: String, Sendable, CaseIterable {
    /// How the run went.
    case run
    case parameter
    /// The digests of what the targets made.
    case artefact
    /// A number in a JSON file that a target made.
    case metric
  }

  public struct Row: Sendable {
    public let section: Section
    public let name: String
    /// One for each run; nil where a run has no such thing.
    public let values: [JSON?]
    /// Whether it is one of the many numbers of a long list.
    public let isInList: Bool

    public var isSame: Bool { values.dropFirst().allSatisfy { $0 == values[0] } }
  }

  public let runs: [RunNote]
  /// Section after section, sorted by name.
  public let rows: [Row]
  /// What could not be read, and why.
  public let notes: [String]

  /// Bytes of a JSON file that is looked into.
  private static let sizeLimit = 16 << 20
  /// Numbers in all.
  private static let metricLimit = 100_000

  /// - Parameter store: what the runs made; nothing is run.
  public init(_ runs: [RunNote], in store: Store) {
    self.runs = runs
    var notes: [String] = []
    let artefacts = runs.map(RunComparison.made(by:))
    var metrics: [[String: RunMetrics.Value]] = []
    var read: [Digest: [RunMetrics.Value]] = [:]
    var left = RunComparison.metricLimit
    for outputs in artefacts {
      var found: [String: RunMetrics.Value] = [:]
      for (name, digest) in outputs.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) })
      where left > 0 {
        if read[digest] == nil {
          do {
            read[digest] = try RunMetrics.values(of: digest, in: store, sizeLimit: RunComparison.sizeLimit)
          } catch {
            notes.append("\(name): \(PipelineError(wrapping: error).headline)")
            read[digest] = []
          }
        }
        for value in read[digest]!.prefix(left) { found["\(name): \(value.path)"] = value }
        left -= min(left, read[digest]!.count)
      }
      metrics.append(found)
    }
    if left == 0 { notes.append("only the first \(RunComparison.metricLimit) numbers are compared") }
    let facts: [[String: JSON]] = runs.map { run in
      [
        "pipeline": .string(run.pipeline), "targets": .string(run.targets.joined(separator: " ")),
        "outcome": .string(run.outcome), "seconds": .number(run.seconds), "ran": .integer(Int64(run.ran)),
        "failed": .integer(Int64(run.failed)), "planned": .integer(Int64(run.planned)),
      ]
    }
    let digests = artefacts.map { $0.mapValues { JSON.string($0.description) } }
    rows =
      RunComparison.rows(.run, facts) + RunComparison.rows(.parameter, runs.map(\.parameters))
      + RunComparison.rows(.artefact, digests)
      + RunComparison.rows(.metric, metrics.map { $0.mapValues(\.value) }) { name in
        metrics.contains { $0[name]?.isInList == true }
      }
    self.notes = notes
  }

  private static func rows(
    _ section: Section, _ columns: [[String: JSON]], isInList: (String) -> Bool = { _ in false }
  ) -> [Row] {
    Set(columns.flatMap(\.keys)).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.map { name in
      Row(section: section, name: name, values: columns.map { $0[name] }, isInList: isInList(name))
    }
  }

  /// What a run made, by name: `fit[47k].curve`, `train.checkpoints[64]`.
  public static func made(by run: RunNote) -> [String: Digest] {
    var found: [String: Digest] = [:]
    for (instance, outputs) in run.outputs.object ?? [:] {
      for (output, value) in outputs.object ?? [:] {
        if let digest = value.string.flatMap({ Digest($0) }) { found["\(instance).\(output)"] = digest }
        for (key, member) in value.object ?? [:] {
          if let digest = member.string.flatMap({ Digest($0) }) {
            found["\(instance).\(output)[\(key)]"] = digest
          }
        }
      }
    }
    return found
  }
}
