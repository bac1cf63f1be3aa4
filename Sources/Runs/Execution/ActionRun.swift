import Actions
import Artefacts
import JSON
import Synchronization
import System

/// An action that has run, on its way into the store.
struct Computed: Sendable {
  let action: Action
  private(set) var record: Record
  let publication: Publication
  let seconds: Double
  /// What is worth a line.
  let notes: [String]

  /// Makes what several actions have computed durable. Where another process has recorded the same action meanwhile, since one
  /// took the other for dead, what was there first stays.
  static func commit(_ all: [Computed], in engine: Engine) throws -> [Computed] {
    for computed in all {
      let making = engine.makings.now(seconds: computed.seconds)
      computed.publication.add(note: making.json.canonicalBytes, of: computed.action.key)
    }
    let stayed = Set(try Publication.commit(all.map(\.publication)))
    if stayed.isEmpty { return all }
    return try all.map { computed in
      guard stayed.contains(computed.action.key) else { return computed }
      var result = computed
      if case .hit(let first) = try engine.lookup(computed.action) {
        result.record = first
      } else {
        // It is damaged, or its outputs are gone.
        let publication = engine.store.publication()
        try publication.add(record: computed.record)
        try publication.commit()
      }
      return result
    }
  }
}

/// One execution of an action, from an empty scratch folder to a publication that can be committed.
struct ActionRun: Sendable {
  enum Outcome: Sendable {
    case computed(Computed)
    case failed(PipelineError, seconds: Double, notes: [String])
    /// An input is not in the store, although a record says so.
    case inputLost(Digest)
    /// A source is not what it was when the action's key was computed.
    case inputChanged(String)
  }

  let action: Action
  let engine: Engine
  /// How many threads it may use.
  let threads: Int
  /// Whether it takes the place of what is recorded.
  let isAnew: Bool

  func run(report: @escaping @Sendable (OperationContext.Progress) -> Void) async -> Outcome {
    let start = ContinuousClock.now
    let notes = ActionNotes()
    do {
      try checkSources()
      let publication = engine.store.publication()
      // Now, since it may be edited while the action runs, which is no reason to lose what the action makes.
      for input in sources { try input.add(to: publication) }
      let announcement = Mutex<RunningAction?>(nil)
      defer { announcement.withLock { $0 = nil } }
      let watcher = ActionWatcher(
        threads: threads, notes: notes,
        prints: { log in
          announcement.withLock { $0 = RunningAction(action.key, log: log, in: engine.store) }
        }, report: report)
      let result = try await engine.runner.run(action, watcher)
      defer { result.scratch.remove() }
      let record: Record
      do {
        record = try self.record(result, publication, notes.doubt)
      } catch {
        throw ActionFailure(error, in: result.scratch)
      }
      return .computed(
        Computed(
          action: action, record: record, publication: publication, seconds: seconds(since: start),
          notes: notes.all))
    } catch {
      return outcome(of: error, seconds: seconds(since: start), notes: notes.all)
    }
  }

  private func outcome(of error: any Error, seconds: Double, notes: [String]) -> Outcome {
    let failure = error as? ActionFailure
    defer { failure?.scratch.remove() }
    let reason = failure?.error ?? error
    if let changed = reason as? InputChanged { return .inputChanged(changed.input) }
    if let digest = lostInput(reason) { return .inputLost(digest) }
    let told = failure.map { self.told(reason, $0.scratch) } ?? reason
    return .failed(PipelineError(wrapping: told, in: action), seconds: seconds, notes: notes)
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
    let failure = engine.failures.keep(scratch, of: action, always: !isCancelled)
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
    let inputs = action.inputs.lazy.flatMap(\.members).filter { $0.origin == .store }
    return engine.store.firstLost(of: inputs.map(\.artefact), as: error)
  }

  /// Puts outputs and log into the publication, and the record that names them.
  func record(
    _ result: ActionResult, _ publication: Publication, _ doubt: Record.Doubt?
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
      doubt: doubt)
    try publication.add(record: record, isReplacing: isAnew)
    return record
  }
}

func seconds(since start: ContinuousClock.Instant) -> Double { (ContinuousClock.now - start) / .seconds(1) }
