import Artefacts

/// An action that has run, on its way into the store.
struct Computed: Sendable {
  let action: Action
  let record: Record
  let publication: Publication
  let seconds: Double
}

/// One execution of an action, from an empty scratch folder to a publication that can be committed.
struct ActionRun: Sendable {
  enum Outcome: Sendable {
    case computed(Computed)
    case failed(PipelineError, seconds: Double)
    /// An input is not in the store, although a record says so.
    case inputLost(Digest)
  }

  let action: Action
  let engine: Engine

  func run(report: @escaping @Sendable (OperationContext.Progress) -> Void) async -> Outcome {
    let start = ContinuousClock.now
    do {
      let scratch = try Scratch(in: engine.store)
      defer { scratch.remove() }
      do {
        let files = try await engine.runner.run(action, in: scratch, report: report)
        let publication = engine.store.publication()
        let record = try record(files, scratch, publication)
        return .computed(
          Computed(
            action: action, record: record, publication: publication, seconds: seconds(since: start)))
      } catch {
        defer { engine.failures.keep(scratch.log, of: action.key) }
        throw told(error, by: scratch.log)
      }
    } catch {
      if let digest = lostInput { return .inputLost(digest) }
      return .failed(PipelineError(wrapping: error, in: action.instance), seconds: seconds(since: start))
    }
  }

  /// The error with the last lines that the action printed, and where the rest is.
  private func told(_ error: any Error, by log: String) -> any Error {
    let size = fileSize(log)
    guard size > 0, !(error is CancellationError), let end = readEnd(of: log, limit: 4096) else {
      return error
    }
    let inner = PipelineError(wrapping: error)
    let lines = String(decoding: end, as: UTF8.self).split(whereSeparator: \.isNewline)
    let facts = lines.suffix(5).enumerated().map {
      (label: $0 == 0 ? "printed" : "", value: String($1.prefix(200)))
    }
    return PipelineError(
      inner.headline, at: inner.position,
      facts: inner.facts + facts + [("all of it", "brake log '\(action.instance.name)'")], hint: inner.hint)
  }

  private var lostInput: Digest? {
    action.inputs.flatMap(\.members).map { ($0.origin, $0.artefact.digest) }
      .first { origin, digest in origin == .store && (try? engine.store.contains(digest)) == false }?.1
  }

  /// Puts outputs, log and the inputs from the workspace into the publication, and the record that names them.
  private func record(_ files: [OutputFile], _ scratch: Scratch, _ publication: Publication) throws -> Record
  {
    var sources: [String: String] = [:]
    for member in action.inputs.flatMap(\.members) {
      guard case .workspace(let name, let path) = member.origin else { continue }
      sources[member.artefact.digest.description] = name
      if try engine.store.contains(member.artefact.digest) { continue }
      guard try publication.add(path: path).digest == member.artefact.digest else {
        throw PipelineError("the input '\(name)' changed while the stage ran", hint: "run again")
      }
    }
    let outputs = try files.map {
      Record.Output(name: $0.name, key: $0.key, artefact: try publication.add(path: $0.path))
    }
    let log = fileSize(scratch.log) > 0 ? try publication.add(path: scratch.log).digest : nil
    let record = Record(
      manifest: action.manifest, outputs: outputs, log: log, stage: action.instance.name, sources: sources)
    try publication.add(record: record)
    return record
  }
}

func seconds(since start: ContinuousClock.Instant) -> Double { (ContinuousClock.now - start) / .seconds(1) }
