public import Actions
public import Artefacts
public import JSON
public import Pipeline
import System

/// An instance of a stage whose action is recorded.
public struct RecordedStage: Sendable {
  public let instance: StageInstance
  public let action: Action
  public let record: Record
  /// What it publishes, and where.
  public let published: [(path: String, output: Record.Output)]
  /// When and where it was made, as far as it is known.
  public let making: Making?
}

/// What is recorded of some targets and of all that they need.
public struct RecordedPlan: Sendable {
  /// In plan order.
  public let stages: [RecordedStage]
  /// What has no record as it is now, and why.
  public let unrecorded: [(instance: String, reason: String)]
  /// The parameters of the pipeline as they are applied.
  public let parameters: [String: JSON]
  private let selection: Plan.Selection

  fileprivate init(_ survey: Survey, _ selection: Plan.Selection, _ makings: Makings) {
    self.selection = selection
    parameters = survey.plan.parameters
    stages = survey.findings.compactMap { finding in
      guard let action = finding.action, let record = finding.record else { return nil }
      let places = WorkspacePublisher.places(finding.instance, record.outputs)
      return RecordedStage(
        instance: finding.instance, action: action, record: record,
        published: places.map { ($0.path, $0.output) }, making: makings.of(record.key))
    }
    unrecorded =
      survey.findings.filter { $0.record == nil }.map {
        ($0.instance.name, $0.error?.headline ?? $0.unknown ?? $0.state.rawValue)
      }
      + selection.deferred.map {
        ($0.stage, "waits for \($0.waitsFor.map(\.output).joined(separator: ", "))")
      }
  }

  /// What is selected as a drawing.
  /// - Parameter mostInstances: beyond so many a stage is one node.
  package func graph(mostInstances: Int) -> PlanGraph {
    PlanGraph(selection.instances, selection.deferred, mostInstances: mostInstances)
  }
}

extension Engine {
  /// What is recorded of targets as they are now, without running anything.
  public func recordedPlan(targets: [String]) async throws -> RecordedPlan {
    try await withTaskExecutorPreference(TaskThreads.shared) {
      let survey = try Survey(self, targets: targets, isLooking: true)
      try? files.save()
      return RecordedPlan(survey, try survey.plan.selection(targets), makings)
    }
  }

  /// What distinguishes one manifest from another, each with a name: `parameter skip`, `input curve`, `command`.
  public static func differences(
    of manifest: JSON, from other: JSON
  ) -> [(what: String, before: String?, now: String?)] {
    ManifestFacts(manifest).differences(from: ManifestFacts(other)).map { ($0.what, $0.before, $0.now) }
  }
}
