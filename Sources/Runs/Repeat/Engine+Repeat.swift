import Actions
import Artefacts
import Pipeline
import System

extension Engine {
  /// Executes recorded actions once more, each by itself with the inputs that it had.
  ///
  /// - Parameters:
  ///   - targets: stages, instances or globs; the pipeline's defaults if empty. Only their own instances are repeated, or if
  ///     there are none, everything that the defaults need. They must be up to date, as after a run.
  ///   - isRecording: whether what has other bytes takes the place of what is recorded; if not, nothing is written to the
  ///     store.
  ///   - passing: instances that are not repeated.
  ///   - compare: looks at a repetition while its files are there; may be called from several threads.
  /// - Returns: what came of it, by instance in the order of the plan; of several that are one action, by the first.
  public func repeated<Report: Sendable>(
    targets: [String], options: RunOptions = RunOptions(), isRecording: Bool, passing: Set<String> = [],
    observe: @escaping @Sendable (RunEvent) -> Void = { _ in },
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
      var rest = findings.enumerated().makeIterator()
      var outcomes: [(Int, RepetitionOutcome<Report>)] = []
      await withTaskGroup(of: (Int, RepetitionOutcome<Report>).self) { group in
        func startNext() {
          guard !Task.isCancelled, let (number, finding) = rest.next() else { return }
          group.addTask {
            let repeating = Repeating(
              engine: self, action: finding.action!, record: finding.record!,
              threads: finding.instance.resources.cores ?? max(1, Processors.available / places))
            return (number, await repeating.run(isRecording: isRecording, observe: observe, compare: compare))
          }
        }
        for _ in 0..<places { startNext() }
        while let outcome = await group.next() {
          outcomes.append(outcome)
          startNext()
        }
      }
      try Task.checkCancellation()
      return outcomes.sorted { $0.0 < $1.0 }.map { (findings[$0.0].instance.name, $0.1) }
    }
  }

  /// The instances that the targets name themselves, in the order of the plan.
  public func instances(of targets: [String]) async throws -> [String] {
    try await withTaskExecutorPreference(TaskThreads.shared) {
      try Survey(self, targets: targets).plan.selection(targets).targets
    }
  }

  /// Those of some instances that need none of the others.
  public func independent(among names: Set<String>, targets: [String]) async throws -> Set<String> {
    try await withTaskExecutorPreference(TaskThreads.shared) {
      var behind: Set<String> = []
      var free: Set<String> = []
      for instance in try Survey(self, targets: targets).plan.selection(targets).instances {
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

/// One action that is executed again.
struct Repeating {
  let engine: Engine
  let action: Action
  let record: Record
  let threads: Int

  func run<Report: Sendable>(
    isRecording: Bool, observe: @escaping @Sendable (RunEvent) -> Void,
    compare: (Repetition) throws -> Report
  ) async -> RepetitionOutcome<Report> {
    let name = action.name
    let start = ContinuousClock.now
    observe(.started(instance: name))
    do {
      let lease = isRecording ? try right() : nil
      defer { lease?.release() }
      let notes = ActionNotes()
      let token = try await engine.jobServer?.take()
      defer { if let token { engine.jobServer?.give(token) } }
      let result: ActionResult
      do {
        let watcher = ActionWatcher(
          threads: threads, notes: notes,
          report: { observe(.progress(instance: name, fraction: $0.fraction, text: $0.text)) })
        result = try await engine.runner.run(action, watcher)
      } catch let failure as ActionFailure {
        defer { failure.scratch.remove() }
        throw told(failure.error, failure.scratch)
      }
      defer { result.scratch.remove() }
      for note in notes.all { observe(.note(note)) }
      let repetition = try Repetition(action, record, result, seconds: seconds(since: start))
      let report = try compare(repetition)
      if isRecording && !repetition.isSame {
        let publication = engine.store.publication()
        let record = try ActionRun(action: action, engine: engine, threads: threads, isAnew: true)
          .record(result, publication, notes.doubt)
        try publication.commit()
        engine.makings.note(record, Makings.Facts(seconds: repetition.seconds))
        observe(.made(instance: name, key: action.key, outputs: record.outputs))
      } else if isRecording {
        engine.makings.confirm(record, seconds: repetition.seconds)
      }
      observe(.finished(instance: name, outcome: .ran, seconds: seconds(since: start)))
      return .done(report)
    } catch {
      let error = PipelineError(wrapping: error, in: action)
      observe(.finished(instance: name, outcome: .failed(error), seconds: seconds(since: start)))
      return .failed(error)
    }
  }

  private func right() throws -> Lease {
    if let lease = try engine.leases.take(action.key) { return lease }
    throw PipelineError("another brake computes it now", hint: "wait until that has ended")
  }

  /// The error with the last lines that were printed: nothing else is kept of what was executed again.
  private func told(_ error: any Error, _ scratch: Scratch) -> any Error {
    if let changed = error as? InputChanged {
      return PipelineError(
        "its input '\(changed.input)' has changed since it was looked up", hint: "run it again")
    }
    guard !(error is CancellationError), let end = try? scratch.files.end(of: scratch.log, limit: 4096) else {
      return error
    }
    let inner = PipelineError(wrapping: error)
    let lines = String(decoding: end, as: UTF8.self).split(whereSeparator: \.isNewline).suffix(5)
    let printed = lines.enumerated().map {
      (label: $0 == 0 ? "printed" : "", value: String($1.withoutColours.prefix(200)))
    }
    return PipelineError(inner.failure.with(facts: inner.facts + printed), at: inner.position)
  }
}
