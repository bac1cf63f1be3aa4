import Actions
import Artefacts
import Pipeline
import System

extension Engine {
  /// Executes recorded actions once more, each by itself with the inputs that it had, as many at once as a run would.
  ///
  /// - Parameters:
  ///   - targets: stages, instances or globs; the pipeline's defaults if empty. Only their own instances are repeated, or if
  ///     there are none, everything that the defaults need. They must be up to date, as after a run.
  ///   - isRecording: whether what has other bytes takes the place of what is recorded; if not, nothing is written to the
  ///     store.
  ///   - passing: instances that are not repeated.
  ///   - ended: called with what came of an instance as soon as it has come to its end; not with what was cut short.
  ///   - compare: looks at a repetition while its files are there; may be called from several threads.
  /// - Returns: what came of it, by instance in the order of the plan; of several that are one action, by the first.
  public func repeated<Report: Sendable>(
    targets: [String], options: RunOptions = RunOptions(), isRecording: Bool, passing: Set<String> = [],
    observe: @escaping @Sendable (RunEvent) -> Void = { _ in },
    ended: @escaping @Sendable (String, RepetitionOutcome<Report>) -> Void = { _, _ in },
    compare: @escaping @Sendable (Repetition) throws -> Report
  ) async throws -> [(instance: String, outcome: RepetitionOutcome<Report>)] {
    try await withTaskExecutorPreference(TaskThreads.shared) {
      // Stages that are the same action have one record.
      var seen: Set<Digest> = []
      let findings = try repeatable(targets).filter {
        !passing.contains($0.instance.name) && seen.insert($0.action!.key).inserted
      }
      observe(.planned(findings.count))
      let places = jobs(options).count
      var room = runner.capacity(places: places)
      var waiting = Array(findings.indices)
      var outcomes: [(Int, RepetitionOutcome<Report>)] = []
      await withTaskGroup(of: (Int, RepetitionOutcome<Report>).self) { group in
        func demand(_ number: Int) -> Resources { runner.demand(findings[number].action!.resources) }
        /// The first for which there is room, as often as there is one.
        func start() {
          while !Task.isCancelled, room.hasPlace,
            let place = waiting.firstIndex(where: { room.take(demand($0)) })
          {
            let number = waiting.remove(at: place)
            group.addTask {
              let finding = findings[number]
              let repeating = Repeating(
                engine: self, action: finding.action!, record: finding.record!,
                threads: finding.instance.resources.cores ?? max(1, Processors.available / places))
              return (
                number, await repeating.run(isRecording: isRecording, observe: observe, compare: compare)
              )
            }
          }
        }
        start()
        while let outcome = await group.next() {
          room.give(demand(outcome.0))
          outcomes.append(outcome)
          if !Task.isCancelled || outcome.1.isDone { ended(findings[outcome.0].instance.name, outcome.1) }
          start()
        }
      }
      try Task.checkCancellation()
      return outcomes.sorted { $0.0 < $1.0 }.map { (findings[$0.0].instance.name, $0.1) }
    }
  }

  /// The instances that the targets name themselves, in the order of the plan.
  public func instances(of targets: [String]) async throws -> [String] {
    try await withTaskExecutorPreference(TaskThreads.shared) {
      try Survey(self, targets: targets, keepsRecorded: false).plan.selection(targets).targets
    }
  }

  /// Those of some instances that need none of the others.
  public func independent(among names: Set<String>, targets: [String]) async throws -> Set<String> {
    try await withTaskExecutorPreference(TaskThreads.shared) {
      var behind: Set<String> = []
      var free: Set<String> = []
      let survey = try Survey(self, targets: targets, keepsRecorded: false)
      for instance in try survey.plan.selection(targets).instances {
        let isBehind = instance.dependencies.contains { behind.contains($0) || names.contains($0) }
        if isBehind { behind.insert(instance.name) }
        if !isBehind, names.contains(instance.name) { free.insert(instance.name) }
      }
      return free
    }
  }

  /// The recorded instances that are meant.
  private func repeatable(_ targets: [String]) throws -> [Survey.Finding] {
    let survey = try Survey(self, targets: targets)
    let named = Set(try survey.plan.selection(targets).targets)
    let findings = survey.findings.filter { targets.isEmpty || named.contains($0.instance.name) }
    if let error = findings.lazy.compactMap(\.error).first { throw error }
    if let missing = findings.first(where: { $0.action == nil || $0.record == nil }) {
      throw PipelineError(
        "'\(missing.instance.name)' is not recorded: there is nothing to compare with",
        hint: "brake run '\(missing.instance.name)' records it")
    }
    return findings
  }
}
