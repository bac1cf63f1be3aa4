import Artefacts
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
      let scratch = try Scratch(in: engine.store)
      defer { scratch.remove() }
      do {
        let announcement = RunningAction(action.key, log: scratch.log, in: engine.store)
        defer { withExtendedLifetime(announcement) {} }
        // Now, since it may be edited while the action runs, which is no reason to lose what the action makes.
        for input in sources { try input.add(to: publication) }
        let files = try await engine.runner.run(
          action, in: scratch, threads: threads, notes: notes, report: report)
        let record = try record(files, scratch, publication)
        return .computed(
          Computed(
            action: action, record: record, publication: publication, seconds: seconds(since: start),
            notes: notes.all))
      } catch let error as InputChanged {
        throw error
      } catch {
        if let digest = lostInput(error) { return .inputLost(digest) }
        throw told(error, scratch)
      }
    } catch let error as InputChanged {
      return .inputChanged(error.input)
    } catch {
      if let digest = lostInput(error) { return .inputLost(digest) }
      return .failed(
        PipelineError(wrapping: error, in: action.instance), seconds: seconds(since: start), notes: notes.all)
    }
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
    action.inputs.flatMap(\.members).map {
      InputArtefact($0.artefact, key: $0.key, origin: $0.origin, store: engine.store)
    }
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
      facts.append(("all of it", "brake log '\(action.instance.name)'"))
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
  func record(_ files: [OutputFile], _ scratch: Scratch, _ publication: Publication) throws -> Record {
    var sources: [String: String] = [:]
    for member in action.inputs.flatMap(\.members) {
      guard case .workspace(let name, _) = member.origin else { continue }
      sources[member.artefact.digest.description] = name
    }
    let outputs = try files.map {
      Record.Output(
        name: $0.name, key: $0.key, file: $0.file, isExecutable: try scratch.files.isExecutable($0.path),
        artefact: try publication.add(path: $0.path))
    }
    let log = scratch.hasLog ? try publication.add(path: scratch.log).digest : nil
    let record = Record(
      manifest: action.manifest, outputs: outputs, log: log, stage: action.instance.name, sources: sources)
    try publication.add(record: record, isReplacing: isAnew)
    return record
  }
}

func seconds(since start: ContinuousClock.Instant) -> Double { (ContinuousClock.now - start) / .seconds(1) }
