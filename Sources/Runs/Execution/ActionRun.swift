import Actions
import Artefacts
import JSON
import Runners
import Synchronization
import System

/// One execution of an action, from an empty scratch folder to a publication that can be committed.
struct ActionRun: Sendable {
  enum Outcome: Sendable {
    case computed(Computed)
    case failed(PipelineError, seconds: Double, notes: [String])
    /// An input is not in the store, although a record says so.
    /// - Parameter isMissing: whether nothing stood there, rather than something that cannot be read.
    case inputLost(Digest, isMissing: Bool)
    /// A source is not what it was when the action's key was computed.
    case inputChanged(String)

    /// With what was said of earlier attempts.
    fileprivate func with(notes earlier: [String]) -> Outcome {
      switch self {
      case .computed(let computed): .computed(computed.with(notes: earlier))
      case .failed(let error, let seconds, let notes):
        .failed(error, seconds: seconds, notes: earlier + notes)
      case .inputLost, .inputChanged: self
      }
    }
  }

  let action: Action
  let engine: Engine
  /// How many threads it may use.
  let threads: Int
  /// Whether it takes the place of what is recorded.
  let isAnew: Bool
  var graphics: GraphicsShare?
  /// Whether another process has the right to it by now.
  var isLost: @Sendable () -> Bool = { false }
  /// Called when an attempt has failed and another is about to begin.
  var retried: @Sendable () -> Void = {}

  /// Runs it, as often as its stage wants it to be tried.
  func run(report: @escaping @Sendable (OperationContext.Progress) -> Void) async -> Outcome {
    var attempts = FailedAttempts()
    var notes: [String] = []
    while true {
      let earlier = attempts.count
      let outcome = await attempt(&attempts, report)
      // What fails before the action has begun, such as on a disk that is full, would fail again and again.
      guard case .failed(let error, _, let told) = outcome, attempts.count > earlier,
        attempts.count <= retries, !Task.isCancelled, !isLost()
      else {
        return outcome.with(notes: notes)
      }
      notes +=
        told + ["\(action.name): attempt \(attempts.count) of \(retries + 1) failed: \(error.headline)"]
      retried()
      let pause = engine.backoff.pause(after: attempts.count)
      report(
        OperationContext.Progress(
          fraction: nil,
          text: "attempt \(attempts.count) of \(retries + 1) failed (\(error.headline)), again soon"))
      do { try await Task.sleep(for: pause) } catch { return outcome.with(notes: notes) }
      report(
        OperationContext.Progress(
          fraction: nil, text: "attempt \(attempts.count + 1) of \(retries + 1)"))
    }
  }

  private var saved: SavedFiles { SavedFiles(store: engine.store) }

  /// What attempts of earlier runs printed, where this one goes on from what they have saved.
  private var printedBefore: [UInt8] {
    // What is made anew begins without them, and elsewhere the log goes on.
    if isAnew || !engine.runner.isHere(action) { return [] }
    guard saved.folder(for: action.key) != nil else {
      AttemptTrace.forget(action.key, in: engine.store)
      return []
    }
    AttemptTrace.settle(action.key, in: engine.store)
    return AttemptTrace.printed(of: action.key, in: engine.store)
  }

  /// How often it is tried again.
  private var retries: Int {
    if case .command(let command) = action.work { command.ending.retries } else { 0 }
  }

  private func attempt(
    _ attempts: inout FailedAttempts, _ report: @escaping @Sendable (OperationContext.Progress) -> Void
  ) async -> Outcome {
    let start = ContinuousClock.now
    let notes = ActionNotes()
    let trace = AttemptTrace(
      of: action.key, in: engine.store, notes: notes,
      earlier: attempts.effort ?? (engine.runner.isHere(action) ? nil : Effort()))
    let presence = engine.runner.isHere(action) ? engine.solitude.begin() : nil
    defer { if let presence { engine.solitude.end(presence) } }
    do {
      try checkSources()
      try engine.resolver.environments.check(action)
      // What is made anew is not made of what was made before.
      if isAnew && attempts.count == 0 { saved.forget(action.key) }
      // Elsewhere it is for whoever runs the command.
      if action.resumes, engine.runner.isHere(action) { try saved.restore(action.key) }
      if attempts.count == 0 {
        attempts.begin(behind: printedBefore)
        if let remark = graphics?.remark { notes.add(remark) }
      }
      let attempt = saved.attempt(of: action.key)
      let grown = GrownMembers(of: action, in: engine.store, notes: notes) { trace.hasSaved() }
      let isResumed = Mutex(false)
      let publication = engine.store.publication()
      // Now, since it may be edited while the action runs, which is no reason to lose what the action makes.
      for input in sources { try input.add(to: publication) }
      let announcement = Mutex<RunningAction?>(nil)
      defer { announcement.withLock { $0 = nil } }
      let watcher = ActionWatcher(
        threads: threads, graphics: graphics, notes: notes,
        prints: { log in
          engine.leftAnnouncements.removeOnce(from: engine.store, engine.leases)
          trace.prints(log)
          announcement.withLock { $0 = RunningAction(action.key, log: log, in: engine.store) }
        }, report: report,
        resume: { [saved, action] in
          let folder = saved.resume(action.key, isPlaced: action.resumes)
          if folder != nil {
            isResumed.withLock { $0 = true }
            trace.resume()
          }
          return folder
        },
        saved: {
          if attempt.keep($0, in: $1) { trace.hasSaved() }
        }, grown: { grown.take($0) },
        placed: { path, _ in if !grown.has(placed: path) { attempt.add(placed: path) } },
        isAnew: isAnew && attempts.count == 0)
      let result: ActionResult
      let stopwatch = EffortWatch()
      do { result = try await engine.runner.run(action, watcher) } catch {
        // The next attempt goes on from them.
        await grown.finish()
        throw error
      }
      await grown.finish()
      if let presence, engine.solitude.isAlone(presence), let own = stopwatch.own(action) {
        notes.add(Effort(own))
      }
      defer { result.scratch.remove() }
      attempts.put(before: result.scratch)
      // Where others have a part in it, what waited for something else than the action has none.
      if engine.runner.isHere(action), let total = trace.total { notes.add(total) }
      let record: Record
      do {
        try engine.resolver.environments.check(action)
        record = try self.record(
          result, publication, notes.doubt,
          isResumed: isResumed.withLock { $0 } || result.isResumed)
      } catch {
        throw ActionFailure(error, in: result.scratch)
      }
      return .computed(
        Computed(
          action: action, record: record, publication: publication, seconds: seconds(since: start),
          graphics: graphics(notes), effort: notes.effort, notes: notes.all))
    } catch {
      return outcome(of: error, &attempts, trace, seconds: seconds(since: start), notes: notes.all)
    }
  }

  /// What is known of the graphics processors of the machine on which it ran, if it asked for some.
  private func graphics(_ notes: ActionNotes) -> GraphicsFacts? {
    if let told = notes.graphics { return GraphicsFacts(told) }
    return action.usesGraphics && engine.runner.isHere(action) ? engine.graphics.facts() : nil
  }

  private func outcome(
    of error: any Error, _ attempts: inout FailedAttempts, _ trace: AttemptTrace, seconds: Double,
    notes: [String]
  ) -> Outcome {
    let failure = error as? ActionFailure
    defer { failure?.scratch.remove() }
    let reason = failure?.error ?? error
    if let changed = reason as? InputChanged {
      engine.resolver.images.forget(imageOf: action)
      return .inputChanged(changed.input)
    }
    if let digest = lostInput(reason) { return .inputLost(digest, isMissing: isMissing(reason)) }
    // What is in a folder that another process has taken over is not this one's to keep.
    let told = failure.map { failure -> any Error in
      guard failure.scratch.isOwn() else { return reason }
      let earlier = attempts
      if Task.isCancelled {
        attempts.add(failure.scratch, end: "the attempt was stopped")
      } else {
        attempts.add(failure.scratch, failure: PipelineError(wrapping: reason).headline, of: retries + 1)
      }
      if engine.runner.isHere(action) { attempts.effort = trace.end(printed: attempts.printed) }
      earlier.put(before: failure.scratch)
      return self.told(reason, failure.scratch)
    }
    return .failed(PipelineError(wrapping: told ?? reason, in: action), seconds: seconds, notes: notes)
  }

  /// A source may have been edited since the action's key was computed, perhaps long ago.
  private func checkSources() throws {
    for member in action.inputs.flatMap(\.members) {
      guard case .workspace(let name, let path) = member.origin else { continue }
      if (try? engine.files.artefact(at: path))?.digest != member.artefact.digest {
        throw InputChanged(input: name)
      }
    }
  }

  private var sources: [InputArtefact] {
    action.inputs.flatMap(\.members).map { InputArtefact($0, in: engine.store) }
  }

  /// Keeps what the action leaves, and gives the error the last lines that it printed and the place of the rest.
  private func told(_ error: any Error, _ scratch: Scratch) -> any Error {
    let end = scratch.hasLog ? try? scratch.files.end(of: scratch.log, limit: 4096) : nil
    let isCancelled = error is CancellationError || Task.isCancelled
    let failure = engine.failures.keep(
      scratch, of: action, isStopped: isCancelled, always: !isCancelled || scratch.hasLog)
    if isCancelled { return error }
    let inner = PipelineError(wrapping: error)
    var facts = inner.facts
    if let end {
      let lines = String(decoding: end, as: UTF8.self).split(whereSeparator: \.isNewline)
      facts += lines.suffix(5).enumerated().map {
        (label: $0 == 0 ? "printed" : "", value: String($1.withoutColours.prefix(200)))
      }
      facts.append(("all of it", "brake log '\(action.name)'"))
    }
    if let work = failure?.work { facts.append(("what it left", work)) }
    return PipelineError(inner.failure.with(facts: facts), at: inner.position)
  }

  /// The input without which the action failed, if that is the reason.
  private func lostInput(_ error: any Error) -> Digest? {
    engine.store.firstLost(of: action.storedArtefacts, as: error)
  }

  private func isMissing(_ error: any Error) -> Bool {
    guard let code = (error as? Failure)?.code else { return false }
    return code == .notFound
  }

  /// Puts outputs and log into the publication, and the record that names them.
  func record(
    _ result: ActionResult, _ publication: Publication, _ doubt: Record.Doubt?, isResumed: Bool = false
  ) throws -> Record {
    let scratch = result.scratch
    var sources: [String: String] = [:]
    for member in action.inputs.flatMap(\.members) {
      guard case .workspace(let name, _) = member.origin else { continue }
      sources[member.artefact.digest.description] = name
    }
    let outputs = try result.outputs.map {
      Record.Output(
        name: $0.name, key: $0.key, file: $0.file, isExecutable: try scratch.files.isExecutable($0.path),
        artefact: try publication.add(path: $0.path))
    }
    let log = scratch.hasLog ? try publication.add(path: scratch.log).digest : nil
    let record = Record(
      manifest: action.manifest, outputs: outputs, log: log, stage: action.name, sources: sources,
      image: action.storedImage, doubt: doubt,
      timesResumed: isResumed ? max(1, saved.timesResumed(action.key)) : 0)
    try publication.add(record: record, isReplacing: isAnew)
    return record
  }
}

func seconds(since start: ContinuousClock.Instant) -> Double { (ContinuousClock.now - start) / .seconds(1) }
