import Actions
public import Artefacts
import Pipeline
import System

/// Why an action must run, or what distinguishes it from its nearest recorded relative.
public struct Explanation: Sendable {
  public struct Difference: Sendable, Hashable {
    /// `parameter skip`, `input curve`, `revision`, `command`, ...
    public let what: String
    /// Nil where the relative has no such thing.
    public let before: String?
    /// Nil where this action has no such thing.
    public let now: String?
  }

  public let instance: String
  /// A sentence: `up to date`, `must run: skip differs`, ...
  public let verdict: String
  public let differences: [Difference]
  /// The recorded action that it was compared with.
  public let relative: Relation?

  public struct Relation: Sendable {
    public let key: Digest
    /// The stage that made it.
    public let stage: String
    /// Whether that is another stage, because this one has not run before.
    public let isOtherStage: Bool
    /// How it was made: what the action will take itself is most likely like it. Nil of another stage's, and where nobody knows.
    public let making: Making?
  }
}

extension Engine {
  /// Explains the targets' instances (the pipeline's defaults if there are none) and, before them, all stages they need
  /// that must run. Compares each with the recorded action of the same stage that differs in the fewest things, or else
  /// of the same operation.
  ///
  /// - Parameter isLooking: whether the Python environment that was used last will do, where only a run can tell which one it takes.
  public func why(targets: [String], isLooking: Bool = true) async throws -> [Explanation] {
    try await withTaskExecutorPreference(TaskThreads.shared) {
      let survey = try await surveyed(targets, isLooking: isLooking)
      try? files.save()
      let named = Set(try survey.plan.selection(targets).targets)
      let relatives = Relatives(try store.records { _ in }, makings: makings)
      let mustRun = Set(
        survey.findings.filter { [.mustRun, .lost, .unknown].contains($0.state) }.map(\.instance.name))
      return survey.findings
        .filter { named.contains($0.instance.name) || ($0.state != .upToDate && $0.state != .waiting) }
        .map { explain($0, relatives, mustRun: mustRun) }
    }
  }

  private func explain(_ finding: Survey.Finding, _ relatives: Relatives, mustRun: Set<String>) -> Explanation
  {
    let name = finding.instance.name
    guard let action = finding.action else {
      let waits = finding.instance.dependencies.filter(mustRun.contains)
      let verdict =
        finding.error.map { "cannot run: \($0.headline)" } ?? finding.unknown
        ?? "waits for " + Engine.some(of: waits.isEmpty ? finding.instance.dependencies : waits)
      return Explanation(instance: name, verdict: verdict, differences: [], relative: nil)
    }
    let nearest = relatives.nearest(to: action, of: finding.instance)
    let differences = nearest.map { $0.differences.map { named($0, in: finding.instance) } } ?? []
    return Explanation(
      instance: name, verdict: verdict(finding, nearest) + doubt(of: action, finding, relatives),
      differences: differences,
      relative: nearest.map {
        Explanation.Relation(
          key: $0.record.key, stage: $0.record.stage, isOtherStage: $0.kinship == .otherStage,
          making: $0.making)
      })
  }

  /// The names, or how many there are besides the first ones.
  private static func some(of names: [String]) -> String {
    let shown = names.count > 12 ? 10 : names.count
    let rest = names.count - shown
    return names.prefix(shown).joined(separator: ", ") + (rest == 0 ? "" : " and \(rest) more")
  }

  /// What is to be said of an action that is recorded, and ran without a sandbox.
  private func doubt(of action: Action, _ finding: Survey.Finding, _ relatives: Relatives) -> String {
    guard [.upToDate, .unpublished].contains(finding.state), let doubt = relatives.record(of: action)?.doubt
    else { return "" }
    return "; \(doubt.words)"
  }

  private func verdict(_ finding: Survey.Finding, _ nearest: Relative?) -> String {
    switch finding.state {
    case .upToDate: "up to date"
    case .unpublished: "up to date in the store; what it publishes is missing or changed in the workspace"
    case .removed:
      if let place = (finding.record ?? finding.partial).flatMap(origin) {
        "recorded; an output is in \(place), and is fetched or made again when something needs it"
      } else {
        "recorded; an output was removed to save room, and is made again when something needs it"
      }
    case .lost: "must run: it is recorded, but an output is missing or damaged in the store"
    case .mustRun where finding.distrust != nil:
      "must run, although it is recorded: \(finding.distrust ?? "")"
    case .mustRun, .waiting, .unknown:
      switch nearest?.kinship {
      case nil: "must run: nothing of its kind has run before"
      case .otherStage: "must run: it has not run before, and differs from another stage of its kind"
      default: "must run: it differs from what has run before"
      }
    }
  }

  /// Says where a differing input comes from.
  private func named(_ difference: Explanation.Difference, in instance: StageInstance)
    -> Explanation.Difference
  {
    guard difference.what.hasPrefix("input ") else { return difference }
    let name = difference.what.dropFirst("input ".count).prefix { $0 != "[" && $0 != " " }
    guard let source = instance.inputs.first(where: { $0.name == name })?.source else { return difference }
    let origin: String
    switch source {
    case .file(let path): origin = path
    case .output(let instance, let output, let key):
      origin = "\(instance).\(output)" + (key.map { "[\($0)]" } ?? "")
    case .members(let instance, let output): origin = "\(instance).\(output)"
    case .artefact, .collection: return difference
    }
    return Explanation.Difference(
      what: "\(difference.what) (\(origin))", before: difference.before, now: difference.now)
  }
}
