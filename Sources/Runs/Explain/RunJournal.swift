public import Artefacts
public import JSON
import Pipeline
import System

/// A run that was, for people who look for a variant.
public struct RunNote: Sendable {
  /// What it is called in its store: when it started, and which process it was, `20261121T140305.123-4711`.
  public let identifier: String
  /// UTC, as `2026-11-21T14:03:05Z`.
  public let started: String
  public let seconds: Double
  public let host: String
  /// The folder in which it ran, and the pipeline's file.
  public let folder: String
  public let pipeline: String
  public let targets: [String]
  /// As they stood on the command line.
  public let overrides: [(name: String, value: String)]
  /// All parameters of the pipeline as they were applied.
  public let parameters: [String: JSON]
  /// `done`, `failed`, `interrupted`
  public let outcome: String
  public let planned: Int
  public let ran: Int
  public let failed: Int
  /// Target instance -> output -> digest, as in a run's summary. Of a run that has made very many none, but where it is asked for alone.
  public internal(set) var outputs: JSON
  /// The list of what it needed, as it is called in the store's `runs/`; nil if there was none.
  public let list: String?

  public var json: JSON {
    var members: [String: JSON] = [
      "id": .string(identifier), "started": .string(started), "seconds": .number(seconds),
      "host": .string(host),
      "folder": .string(folder), "pipeline": .string(pipeline), "targets": .array(targets.map(JSON.string)),
      "overrides": .array(overrides.map { [.string($0.name), .string($0.value)] }),
      "parameters": .object(parameters), "outcome": .string(outcome), "planned": .integer(Int64(planned)),
      "ran": .integer(Int64(ran)), "failed": .integer(Int64(failed)), "outputs": outputs,
    ]
    if let list { members["list"] = .string(list) }
    return .object(members)
  }

  init?(_ json: JSON, identifier: String) {
    guard let started = json["started"]?.string, let seconds = json["seconds"]?.double,
      let host = json["host"]?.string, let folder = json["folder"]?.string,
      let pipeline = json["pipeline"]?.string, let targets = json["targets"]?.array,
      let overrides = json["overrides"]?.array, let parameters = json["parameters"]?.object,
      let outcome = json["outcome"]?.string, let planned = json["planned"]?.integer,
      let ran = json["ran"]?.integer, let failed = json["failed"]?.integer, let outputs = json["outputs"]
    else { return nil }
    self.identifier = identifier
    self.started = started
    self.seconds = seconds
    self.host = host
    self.folder = folder
    self.pipeline = pipeline
    self.targets = targets.compactMap(\.string)
    self.overrides = overrides.compactMap { pair in
      guard let name = pair.array?.first?.string, let value = pair.array?.last?.string else { return nil }
      return (name, value)
    }
    self.parameters = parameters
    self.outcome = outcome
    self.planned = planned
    self.ran = ran
    self.failed = failed
    self.outputs = outputs
    list = json["list"]?.string
  }

  fileprivate init(
    _ engine: Engine, started: Int, targets: [String], path: String, summary: RunSummary, outcome: String
  ) {
    let stamp = SystemTime.utc(started / 1000).filter { $0.isNumber || $0 == "T" }
    identifier = "\(stamp).\(String(1000 + started % 1000).dropFirst())-\(Machine.process)"
    self.started = SystemTime.utc(started / 1000)
    seconds = summary.seconds
    host = Machine.name
    folder = (try? engine.store.files.realPath(engine.root)) ?? engine.root
    pipeline = path
    self.targets = targets
    overrides = engine.overrides
    parameters = engine.parameters
    self.outcome = outcome
    planned = summary.planned
    ran = summary.ran
    failed = summary.failed
    outputs = .object(summary.outputs.mapValues { .object($0) })
    list = summary.list
  }

  /// Without what makes it too large.
  fileprivate var bounded: JSON {
    if json.canonicalBytes.count <= IndexNote.limit { return json }
    var members = json.object ?? [:]
    members["outputs"] = [:]
    if JSON.object(members).canonicalBytes.count > IndexNote.limit { members["parameters"] = [:] }
    return .object(members)
  }
}

extension Engine {
  /// All parameters of the pipeline as they are applied; empty if they are not sound.
  public var parameters: [String: JSON] {
    source.parameters
      ?? (try? source.file().parameters(overrides: overrides)) ?? [:]
  }
}

/// The runs of a store, in `index/runs/`, a file each. The newest thousand are kept. Runs that were recalled because
/// nothing had changed are not among them.
public struct RunJournal: Sendable {
  private let store: Store
  private let most: Int
  private let started = SystemTime.milliseconds()

  private var folder: String { store.root + "/index/runs" }

  public init(store: Store) { self.init(store: store, most: 1000) }

  init(store: Store, most: Int) {
    self.store = store
    self.most = most
  }

  /// Notes a run that began when this value was made. What cannot be noted is not.
  ///
  /// - Parameter summary: of a run that did not come to its end, its counts until then.
  public func add(
    _ engine: Engine, targets: [String], path: String, summary: RunSummary, outcome: String
  ) {
    // A journal alone makes no store.
    guard (try? store.files.status(store.root + "/format")) != nil else { return }
    let note = RunNote(
      engine, started: started, targets: targets, path: path, summary: summary, outcome: outcome)
    let bounded = note.bounded
    IndexNote.write(bounded, to: "\(folder)/\(note.identifier).json", in: store)
    if bounded["outputs"] != note.outputs {
      IndexNote.write(
        note.outputs, to: results(of: note.identifier), in: store, limit: RunJournal.resultsLimit)
      removeOldResults()
    }
    for name in names().dropLast(most) where (try? store.files.entry("\(folder)/\(name)"))?.isFile == true {
      try? store.files.remove("\(folder)/\(name)")
    }
  }

  /// Bytes of the results of a run that has made very many, at most: some hundred thousand of them.
  static let resultsLimit = 64 << 20
  /// Runs of which these are kept: as many as 'brake gc' keeps the results of.
  private static let mostResults = 10

  /// What a run has made, where that is too much to be read with all others.
  private func results(of identifier: String) -> String { "\(folder)/\(identifier).results" }

  private func removeOldResults() {
    let names = ((try? store.files.names(in: folder)) ?? []).filter {
      $0.hasSuffix(".results") && RunJournal.isIdentifier(String($0.dropLast(8)))
    }
    for name in names.sorted().dropLast(RunJournal.mostResults) {
      try? store.files.remove("\(folder)/\(name)")
    }
  }

  /// The same with all that the run has made, as far as it is known.
  func whole(_ run: RunNote) -> RunNote {
    guard run.outputs.object?.isEmpty == true,
      let outputs = IndexNote.read(results(of: run.identifier), in: store, limit: RunJournal.resultsLimit)
    else { return run }
    var run = run
    run.outputs = outputs
    return run
  }

  /// The runs that are known, the oldest first.
  public func runs() -> [RunNote] {
    names().compactMap { name in
      IndexNote.read("\(folder)/\(name)", in: store).flatMap {
        RunNote($0, identifier: String(name.dropLast(5)))
      }
    }
  }

  /// The files of the journal, the oldest first; whatever else lies there is left alone.
  private func names() -> [String] {
    ((try? store.files.names(in: folder)) ?? []).filter(RunJournal.isNote)
  }

  /// `20261121T140305.123-4711.json`
  private static func isNote(_ name: String) -> Bool {
    name.hasSuffix(".json") && isIdentifier(String(name.dropLast(5)))
  }

  /// `20261121T140305.123-4711`
  static func isIdentifier(_ name: String) -> Bool {
    let bytes = Array(name.utf8)
    let shape = Array("ddddddddTdddddd.ddd-".utf8)
    guard shape.count + 1...shape.count + 20 ~= bytes.count else { return false }
    let isDigit = { (byte: UInt8) in 0x30...0x39 ~= byte }
    return zip(bytes, shape).allSatisfy { $1 == UInt8(ascii: "d") ? isDigit($0) : $0 == $1 }
      && bytes.dropFirst(shape.count).allSatisfy(isDigit)
  }
}
