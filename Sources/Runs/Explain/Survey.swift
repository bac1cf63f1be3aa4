public import Actions
public import Artefacts
import Pipeline
import System

/// What a run would find, without running anything: goes through the plan as far as records carry it.
struct Survey: Sendable {
  /// In plan order.
  private(set) var findings: [Finding] = []
  private(set) var plan: Plan

  struct Finding: Sendable {
    let instance: StageInstance
    let state: InstanceStatus.State
    /// The action's; nil if an input comes from a stage that must run first, or cannot be read.
    let key: Digest?
    /// Held apart, since it is large and many have nothing of it.
    private let held: Held

    private indirect enum Held {
      case nothing, details(Details)
    }

    /// What is known beside the state.
    struct Details: Sendable {
      var action: Action?
      var record: Record?
      /// Why an input cannot be read.
      var error: PipelineError?
      /// What is not known before it runs.
      var unknown: String?
      /// What would tell, if no more than a question to Python is needed.
      var question: UnknownIdentity?
      /// What would tell, if it takes no more than versions of programs.
      var version: UnknownIdentity?
      /// Why what is recorded does not count; nil if nothing is, or it does.
      var distrust: String?
      /// What is recorded where outputs that nothing reads were removed: the others may be in the store.
      var partial: Record?
    }

    /// - Parameter keeps: whether more than the state and the key is wanted.
    fileprivate init(
      _ instance: StageInstance, _ state: InstanceStatus.State, _ details: Details? = nil, keeps: Bool = true
    ) {
      self.instance = instance
      self.state = state
      key = details?.action?.key
      held = details.flatMap { keeps ? .details($0) : nil } ?? .nothing
    }

    private var details: Details? { if case .details(let details) = held { details } else { nil } }

    var action: Action? { details?.action }
    var record: Record? { details?.record }
    var error: PipelineError? { details?.error }
    var unknown: String? { details?.unknown }
    var question: UnknownIdentity? { details?.question }
    var version: UnknownIdentity? { details?.version }
    var distrust: String? { details?.distrust }
    var partial: Record? { details?.partial }
  }

  private let isLooking: Bool
  private let keepsRecorded: Bool

  /// - Parameters:
  ///   - isLooking: whether what a run would most likely find is good enough where it alone can tell: for people who look, not for what is
  ///     done or left undone because of it.
  ///   - keepsRecorded: whether the action and the record of what is recorded and in the store are wanted, and not just the key: all of
  ///     them take some kilobytes each.
  init(
    _ engine: Engine, targets: [String], isLooking: Bool = false, keepsRecorded: Bool = true
  ) throws {
    self.isLooking = isLooking
    self.keepsRecorded = keepsRecorded
    var keys: [KeyedOutput: [String]] = [:]
    var results: [String: [Record.Output]] = [:]
    plan = try engine.plan()
    let publisher = WorkspacePublisher(
      root: engine.root, store: engine.store, files: engine.files, parameters: plan.parameters)
    while true {
      let selection = try plan.selection(targets)
      let instances = Dictionary(uniqueKeysWithValues: plan.instances.map { ($0.name, $0) })
      let read = Set(
        selection.instances.flatMap(\.dependencies) + selection.deferred.flatMap(\.waitsFor).map(\.instance))
      findings.reserveCapacity(selection.instances.count)
      for instance in selection.instances[findings.count...] where results[instance.name] == nil {
        findings.append(
          finding(
            instance, engine, plan, instances, isRead: read.contains(instance.name), publisher, &results))
      }
      let learnt = selection.deferred.flatMap(\.waitsFor).filter {
        keys[$0] == nil && results[$0.instance] != nil
      }
      if learnt.isEmpty { return }
      for output in learnt {
        keys[output] = results[output.instance]!.filter { $0.name == output.output }.compactMap(\.key)
      }
      // Planned anew, because the order may change with the keys; what is found again costs little.
      plan = try engine.plan(keys: keys)
      findings = []
      results = [:]
    }
  }

  private func finding(
    _ instance: StageInstance, _ engine: Engine, _ plan: Plan, _ instances: [String: StageInstance],
    isRead: Bool, _ publisher: WorkspacePublisher, _ results: inout [String: [Record.Output]]
  ) -> Finding {
    guard instance.dependencies.allSatisfy({ results[$0] != nil }) else {
      return Finding(instance, .waiting)
    }
    do {
      let producers = instance.dependencies.map { name in
        let producer = instances[name]
        return (
          name,
          Producer(
            declarations: producer?.outputs ?? [], link: producer?.link, outputs: results[name] ?? [])
        )
      }
      let action = try engine.resolver.action(
        for: instance, producers: Dictionary(uniqueKeysWithValues: producers), isLooking: isLooking,
        suggestion: { plan.suggestion(for: $0) })
      let record: Record
      switch try engine.lookup(action) {
      case .hit(let found): record = found
      case .removed(let found) where isRead:
        results[instance.name] = found.outputs
        return Finding(instance, .removed, .init(action: action, record: found))
      case .removed(let found):
        return Finding(instance, .removed, .init(action: action, partial: found))
      case .lost: return Finding(instance, .lost, .init(action: action))
      case .miss:
        return Finding(instance, .mustRun, .init(action: action))
      case .distrusted(let reason):
        return Finding(instance, .mustRun, .init(action: action, distrust: reason))
      }
      results[instance.name] = record.outputs
      let isPublished = publisher.isPublished(instance, record.outputs)
      return Finding(
        instance, isPublished ? .upToDate : .unpublished, .init(action: action, record: record),
        keeps: keepsRecorded)
    } catch let unknown as UnknownIdentity {
      return Finding(
        instance, .unknown,
        .init(
          unknown: unknown.reason, question: unknown.isQuestionToPython ? unknown : nil,
          version: unknown.isVersion ? unknown : nil))
    } catch is LostImage {
      // What it is shows when a run has fetched the image, or made it again.
      return Finding(instance, .waiting)
    } catch {
      return Finding(instance, .mustRun, .init(error: PipelineError(wrapping: error, in: instance)))
    }
  }
}

public struct InstanceStatus: Sendable {
  public enum State: String, Sendable {
    /// Recorded; its outputs are in the store and published.
    case upToDate = "up to date"
    case mustRun = "must run"
    /// A record exists, but an output is missing from the store.
    case lost
    /// A record exists, and an output was removed to save room; it is made again once something reads it.
    case removed
    /// Its inputs are not known before another stage has run.
    case waiting
    /// Its outputs are recorded, but not all in the workspace as they should be, or with members that are not its own.
    case unpublished
    /// Whether it must run can be told only by a version command, which nothing but a run executes.
    case unknown = "not known before it runs"
  }

  public let instance: String
  public let state: State
  /// Nil while it waits.
  public let key: Digest?
  /// What keeps it from running, such as a missing file.
  public let error: PipelineError?
  /// What it declares that it needs; nothing while its instances are not known.
  public let resources: Resources
  /// The folder that holds what it had written when it last failed, if it has not succeeded since.
  public let leftover: String?
  /// What a brake that computes it now tells of that; nil if none does.
  public let running: RunningElsewhere?
  /// Whether a run would do something about it. What was removed to save room and no stage has to read is left as it is.
  public let isBehind: Bool
  /// The other place that had what is recorded and is not here.
  public var place: String?
}

extension Engine {
  /// What a run would do, without running anything. In plan order; stages whose instances are not known yet come last.
  ///
  /// - Parameter isLooking: whether the Python environment that was used last will do, where only a run can tell which one it takes.
  public func status(targets: [String], isLooking: Bool = true) async throws -> [InstanceStatus] {
    try await withTaskExecutorPreference(TaskThreads.shared) {
      let survey = try await surveyed(targets, isLooking: isLooking, keepsRecorded: false)
      try? files.save()
      let known = survey.findings.map {
        InstanceStatus(
          instance: $0.instance.name, state: $0.state, key: $0.key, error: $0.error,
          resources: $0.instance.resources,
          leftover: $0.record == nil ? $0.action.flatMap { failures.latest(of: $0)?.work } : nil,
          running: $0.record == nil
            ? $0.action.flatMap { leases.about($0.key) }.map(RunningElsewhere.init) : nil,
          isBehind: $0.state != .upToDate && !($0.state == .removed && $0.record != nil),
          place: $0.state == .removed ? ($0.record ?? $0.partial).flatMap(origin) : nil)
      }
      let deferred = try survey.plan.selection(targets).deferred.map {
        InstanceStatus(
          instance: $0.stage, state: .waiting, key: nil, error: nil, resources: .undeclared, leftover: nil,
          running: nil, isBehind: true)
      }
      return known + deferred
    }
  }
}

extension Engine {
  /// What is recorded of the targets as they are now, as far as it is whole; in plan order.
  public func recordedActions(targets: [String] = []) async throws -> [Record] {
    try await withTaskExecutorPreference(TaskThreads.shared) {
      try await surveyed(targets, isLooking: false).findings.compactMap(\.record)
    }
  }

  /// - Parameter isLooking: if not, a Python that chooses between others is asked which one a run would take. What cannot be found out so
  ///   stays unknown.
  func surveyed(_ targets: [String], isLooking: Bool, keepsRecorded: Bool = true) async throws -> Survey {
    var survey = try Survey(self, targets: targets, isLooking: isLooking, keepsRecorded: keepsRecorded)
    if isLooking { return survey }
    // Each question is asked once, and its answer may lead to another one.
    for _ in 0..<100 {
      guard let question = survey.findings.compactMap(\.question).first else { break }
      do { try await question.findOut { _ in } } catch {
        try Task.checkCancellation()
        break
      }
      survey = try Survey(self, targets: targets, keepsRecorded: keepsRecorded)
    }
    return survey
  }

  /// What a run would find that asks programs for their versions, whatever is remembered of them. Where one cannot be had, what
  /// depends on it stays unknown.
  func surveyedAskingVersions(_ targets: [String]) async throws -> Survey {
    resolver.tools.askAnew()
    while true {
      let survey = try Survey(self, targets: targets)
      let questions = survey.findings.compactMap(\.version)
      if questions.isEmpty { return survey }
      // Several stages may wait for one answer, and each answer may lead to other questions.
      for question in questions {
        do { try await question.findOut { _ in } } catch {
          try Task.checkCancellation()
          return survey
        }
      }
    }
  }
}
