public import Artefacts
public import Differences
import Pipeline
public import Runs
public import System

/// What came of running a bundle's pipeline again, artefact by artefact.
public struct Reproduction: Sendable {
  public struct Output: Sendable {
    public enum Verdict: Sendable {
      /// The same bytes.
      case identical
      /// Other bytes; by how much, or why nobody can say.
      case different(Result<any Difference, Failure>)
      /// The same bytes, of a file that can now be executed, or no longer.
      case mode(isExecutable: Bool)
      /// It was not made again.
      case missing
      /// The bundle does not have it.
      case new
    }

    /// `checkpoints[64]`, or `fit` of a single artefact.
    public let label: String
    public let recorded: Artefact?
    public let made: Artefact?
    public let verdict: Verdict
  }

  public struct Stage: Sendable {
    public let name: String
    public let outputs: [Output]
    /// What distinguishes the action from the one that the bundle records: another input, parameter, program.
    public let changes: [(what: String, before: String?, now: String?)]
    /// Whether it was made.
    public let isMade: Bool
  }

  /// In the order of the bundle; then what the bundle does not have.
  public let stages: [Stage]
  /// Sources that are not what they were when the bundle was written.
  public let changedSources: [String]

  /// - Parameters:
  ///   - plan: what is recorded of the same targets now.
  ///   - store: where that is.
  ///   - needed: names of the instances that were asked for and of all that they need; nil for all of the bundle's.
  public init(
    of bundle: BundleFolder, as plan: RecordedPlan, in store: Store, needed: Set<String>?,
    changedSources: [String]
  ) throws {
    self.changedSources = changedSources
    var made = Dictionary(
      plan.stages.map { ($0.instance.name, $0.record) }, uniquingKeysWith: { first, _ in first })
    var stages: [Stage] = []
    for stage in bundle.manifest.stages where needed?.contains(stage.name) ?? true {
      try Task.checkCancellation()
      let record = made.removeValue(forKey: stage.name)
      stages.append(
        Stage(
          name: stage.name,
          outputs: try Reproduction.outputs(stage.outputs, record, from: bundle.store, in: store),
          changes: Reproduction.changes(stage, record, bundle), isMade: record != nil))
    }
    for stage in plan.stages {
      guard let record = made.removeValue(forKey: stage.instance.name) else { continue }
      stages.append(
        Stage(
          name: stage.instance.name,
          outputs: try Reproduction.outputs([], record, from: bundle.store, in: store), changes: [],
          isMade: true))
    }
    self.stages = stages
  }

  private static func outputs(
    _ recorded: [BundleManifest.Output], _ record: Record?, from old: Store, in new: Store
  ) throws -> [Output] {
    var made: [String: Record.Output] = [:]
    for output in record?.outputs ?? [] { made[output.label] = output }
    var outputs = recorded.map { output -> Output in
      let again = made.removeValue(forKey: output.label)
      return Output(
        label: output.label, recorded: output.artefact, made: again?.artefact,
        verdict: verdict(output, again, from: old, in: new))
    }
    for output in record?.outputs ?? [] where made[output.label] != nil {
      outputs.append(
        Output(label: output.label, recorded: nil, made: output.artefact, verdict: .new))
    }
    return outputs
  }

  private static func verdict(
    _ recorded: BundleManifest.Output, _ made: Record.Output?, from old: Store, in new: Store
  ) -> Output.Verdict {
    guard let made else { return .missing }
    if recorded.artefact.digest == made.artefact.digest {
      return recorded.isExecutable == made.isExecutable
        ? .identical : .mode(isExecutable: made.isExecutable)
    }
    do {
      let difference = try compare(
        StoredContent(recorded.artefact.digest, in: old), StoredContent(made.artefact.digest, in: new))
      if let difference { return .different(.success(difference)) }
      return .different(.failure(Failure(.damaged, "the bundle has other bytes under its digest")))
    } catch let failure as Failure {
      return .different(.failure(failure))
    } catch {
      return .different(.failure(Failure(.system, "\(error)")))
    }
  }

  private static func changes(
    _ stage: BundleManifest.Stage, _ record: Record?, _ bundle: BundleFolder
  ) -> [(what: String, before: String?, now: String?)] {
    guard let record, record.key != stage.action else { return [] }
    guard let before = try? bundle.store.record(stage.action) else {
      return [("manifest", "of an action whose record is lost or damaged in the bundle", nil)]
    }
    return Engine.differences(of: record.manifest, from: before.manifest)
  }

  // MARK: In all

  public func count(_ isMeant: (Output.Verdict) -> Bool) -> Int {
    stages.reduce(0) { $0 + $1.outputs.count { isMeant($0.verdict) } }
  }

  public var identical: Int { count { if case .identical = $0 { true } else { false } } }
  public var all: Int { count { _ in true } }

  /// Whether everything has the bytes that it had, and was made from what it was made from.
  public var isIdentical: Bool { identical == all && changedSources.isEmpty && stages.allSatisfy(\.isMade) }
}
