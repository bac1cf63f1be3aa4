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
      var graphics: GraphicsShare?
      var hasTold = false
      while true {
        let report: Report? = try await engine.holdingToken(graphics, for: action) {
          start = .now
          return try await repeated($0, isRecording: isRecording, observe: observe, compare: compare)
        }
        if let report {
          observe(.finished(instance: name, outcome: .ran, seconds: seconds(since: start)))
          return .done(report)
        }
        graphics = try await self.graphics(observe, &hasTold)
      }
    } catch {
      let error = PipelineError(wrapping: error, in: action)
      observe(.finished(instance: name, outcome: .failed(error), seconds: seconds(since: start)))
      return .failed(error)
    }
  }

  private func repeated<Report: Sendable>(
    _ graphics: GraphicsShare, isRecording: Bool, observe: @escaping @Sendable (RunEvent) -> Void,
    compare: (Repetition) throws -> Report
  ) async throws -> Report {
    let lease = isRecording ? try right() : nil
    defer { lease?.release() }
    let notes = ActionNotes()
    let (result, seconds) = try await attempted(graphics, notes, observe)
    defer { result.scratch.remove() }
    for note in notes.all { observe(.note(note)) }
    let repetition = try Repetition(action, record, result, seconds: seconds)
    let report = try compare(repetition)
    if isRecording && !repetition.isSame {
      let publication = engine.store.publication()
      let record = try ActionRun(action: action, engine: engine, threads: threads, isAnew: true)
        .record(result, publication, notes.doubt)
      try publication.commit()
      engine.makings.note(record, Makings.Facts(seconds: repetition.seconds))
      observe(.made(instance: action.name, key: action.key, outputs: record.outputs))
    } else if isRecording {
      engine.makings.confirm(record, seconds: repetition.seconds)
    }
    return report
  }

  /// As often as its stage wants it to be tried, each time from the beginning.
  /// - Returns: what came of the last attempt, with how long all of them took together.
  private func attempted(
    _ graphics: GraphicsShare, _ notes: ActionNotes, _ observe: @escaping @Sendable (RunEvent) -> Void
  ) async throws -> (result: ActionResult, seconds: Double) {
    let retries = if case .command(let command) = action.work { command.ending.retries } else { 0 }
    let watcher = ActionWatcher(
      threads: threads, graphics: graphics, notes: notes,
      report: { [name = action.name] in
        observe(.progress(instance: name, fraction: $0.fraction, text: $0.text))
      })
    if let remark = graphics.remark { notes.add(remark) }
    var attempts = FailedAttempts()
    var taken = 0.0
    while true {
      let start = ContinuousClock.now
      do {
        let result = try await engine.runner.run(action, watcher)
        attempts.put(before: result.scratch)
        return (result, taken + seconds(since: start))
      } catch let failure as ActionFailure {
        taken += seconds(since: start)
        try take(failure, &attempts, notes, of: retries + 1)
      }
      try await Task.sleep(for: engine.backoff.pause(after: attempts.count))
    }
  }

  /// Takes what a failed attempt has printed.
  /// - Throws: its error, if none is to follow.
  private func take(
    _ failure: ActionFailure, _ attempts: inout FailedAttempts, _ notes: ActionNotes, of most: Int
  ) throws {
    defer { failure.scratch.remove() }
    if failure.error is InputChanged { engine.resolver.images.forget(imageOf: action) }
    let error = told(failure.error, failure.scratch)
    let headline = PipelineError(wrapping: failure.error).headline
    attempts.add(failure.scratch, failure: headline, of: most)
    if attempts.count == most || error is CancellationError || failure.error is InputChanged { throw error }
    try Task.checkCancellation()
    notes.add("\(action.name): attempt \(attempts.count) of \(most) failed: \(headline)")
  }

  /// Without keeping others from the action meanwhile.
  /// - Parameter hasTold: whether it has been said that it waits.
  private func graphics(
    _ observe: @escaping @Sendable (RunEvent) -> Void, _ hasTold: inout Bool
  ) async throws -> GraphicsShare {
    let name = action.name
    let isNew = !hasTold
    hasTold = true
    let graphics = await engine.runner.graphics(for: action, while: { true }) {
      if isNew { observe(.note("\(name) \(GraphicsShare.waits)")) }
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
