import Actions
import Artefacts
import System

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
    var start = ContinuousClock.now
    observe(.started(instance: name))
    do {
      let graphics = try await graphics(observe)
      start = .now
      let lease = isRecording ? try right() : nil
      defer { lease?.release() }
      let notes = ActionNotes()
      let token = try await engine.jobServer?.take()
      defer { if let token { engine.jobServer?.give(token) } }
      let result = try await attempted(graphics, notes, observe)
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

  /// As often as its stage wants it to be tried, each time from the beginning.
  private func attempted(
    _ graphics: GraphicsShare, _ notes: ActionNotes, _ observe: @escaping @Sendable (RunEvent) -> Void
  ) async throws -> ActionResult {
    let retries = if case .command(let command) = action.work { command.ending.retries } else { 0 }
    let watcher = ActionWatcher(
      threads: threads, graphics: graphics, notes: notes,
      report: { [name = action.name] in
        observe(.progress(instance: name, fraction: $0.fraction, text: $0.text))
      })
    var failed = 0
    while true {
      do { return try await engine.runner.run(action, watcher) } catch let failure as ActionFailure {
        defer { failure.scratch.remove() }
        failed += 1
        if failure.error is InputChanged { engine.resolver.images.forget(imageOf: action) }
        let error = told(failure.error, failure.scratch)
        if failed > retries || error is CancellationError || failure.error is InputChanged { throw error }
        try Task.checkCancellation()
        let headline = PipelineError(wrapping: failure.error).headline
        notes.add("\(action.name): attempt \(failed) of \(retries + 1) failed: \(headline)")
        try await Task.sleep(for: engine.backoff.pause(after: failed))
      }
    }
  }

  /// Without keeping others from the action meanwhile.
  private func graphics(_ observe: @escaping @Sendable (RunEvent) -> Void) async throws -> GraphicsShare {
    let name = action.name
    let graphics = await engine.runner.graphics(for: action, while: { true }) {
      observe(.note("\(name) \(GraphicsShare.waits)"))
      observe(.progress(instance: name, fraction: nil, text: GraphicsShare.waits))
    }
    guard let graphics else { throw CancellationError() }
    observe(.progress(instance: name, fraction: nil, text: ""))
    return graphics
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
