import Actions
public import Artefacts
import Pipeline
import System

/// Results of stages as another place has recorded them, on their way into the store.
public struct Borrowing: Sendable {
  private let engine: Engine
  private let borrowed: BorrowedRecords
  private let source: any ArtefactSource
  /// What is recorded here or there of what was asked for, and of all that it is made from: by instance, with those that it reads.
  private let known: [String: (record: Record, reads: [String])]
  /// Those of the actions that were asked for and that they are made by, by key.
  private let actions: [Digest: Action]

  /// What comes with the artefacts that are wanted.
  public enum Extent: Sendable {
    /// Nothing: they are artefacts like any others.
    case alone
    /// The records of how they and all that they were made from came to be, which from then on count as recorded here.
    case withRecords
    /// The same, and all that those stages have made.
    case withLineage
  }

  fileprivate init(_ engine: Engine, _ survey: Survey, _ source: any ArtefactSource) {
    self.engine = engine
    borrowed = engine.borrowed!
    self.source = source
    known = survey.findings.reduce(into: [:]) { known, finding in
      guard let record = finding.record else { return }
      known[finding.instance.name] = (record, finding.instance.dependencies)
    }
    actions = Dictionary(
      survey.findings.compactMap { $0.action.map { ($0.key, $0) } }, uniquingKeysWith: { first, _ in first })
  }

  /// The artefacts that a name such as `fit[47k].curve` stands for there.
  /// - Throws: a `PipelineError` that names the stage of which there is no result: `.notFound` if the place has none.
  public func artefacts(named name: String) async throws -> [NamedArtefact] {
    try await withTaskExecutorPreference(TaskThreads.shared) {
      guard let found = try PipelineNames(engine: engine, text: name).meanings().first else {
        throw PipelineError("'\(name)' is no name of an output")
      }
      return found
    }
  }

  /// The record of what has made an artefact there, or here.
  public func maker(of artefact: NamedArtefact) -> Record? {
    artefact.instance.flatMap { known[$0]?.record }
  }

  /// Brings artefacts into the store, each checked byte by byte.
  /// - Throws: if the place does not have one of them. Nothing is recorded then.
  public func take(_ wanted: [NamedArtefact], _ extent: Extent) async throws {
    let store = engine.store
    let digests = Set(wanted.map(\.digest))
    let names = Set(wanted.compactMap(\.instance))
    let makers = names.sorted().compactMap { known[$0]?.record }
    var artefacts = makers.flatMap(\.outputs).map(\.artefact).filter { digests.contains($0.digest) }
    let lineage = lineage(of: names)
    if extent == .withLineage { artefacts += lineage.flatMap(\.outputs).map(\.artefact) }
    // What is here already is named by nothing yet, and whoever collects that leaves it now.
    store.rely(on: artefacts.map(\.digest))
    try await store.fetch(artefacts, from: [source])
    if extent == .alone { return }
    let logs = (extent == .withLineage ? lineage : makers).compactMap(\.log)
    try await fetch(logs: logs)
    let taken = lineage.filter { borrowed.records[$0.key] != nil }
    try engine.record(taken, of: actions, borrowed.signatures, from: source.place)
  }

  /// What was printed can be done without.
  private func fetch(logs: [Digest]) async throws {
    let wanted = Set(try logs.filter { try !engine.store.contains($0) })
    if wanted.isEmpty { return }
    let publication = engine.store.publication()
    // Nobody says how long they are.
    _ = try await source.copy(wanted.sorted().map { WantedObject($0, size: nil) }, to: publication)
    try publication.commit()
  }

  /// The records of some instances and of all that they are made from.
  private func lineage(of names: Set<String>) -> [Record] {
    var all: [Digest: Record] = [:]
    var seen = names
    var open = names.sorted()
    while let next = open.popLast() {
      guard let (record, reads) = known[next] else { continue }
      all[record.key] = record
      open += reads.filter { seen.insert($0).inserted }
    }
    return all.values.sorted { $0.key < $1.key }
  }
}

extension Engine {
  /// Records what has been made elsewhere, but for that of which there is a record here that counts by now: a run may have made the
  /// same while others were asked.
  /// - Parameters:
  ///   - actions: those that were asked for, by key.
  ///   - signatures: of these records, and perhaps of others.
  ///   - place: where they come from.
  func record(
    _ offered: [Record], of actions: [Digest: Action], _ signatures: [Digest: RecordSignatures],
    from place: String?
  ) throws {
    let publication = store.publication()
    var records: [Record] = []
    var rights: [Lease] = []
    defer { for right in rights { right.release() } }
    for record in offered {
      let own = try own(of: record.key, actions[record.key])
      if own.counts { continue }
      if own.record != record {
        let isReplacing = try store.hasRecord(record.key)
        if isReplacing {
          // One that is here and does not count gives way, as it does to a result of one's own. Who computes one at this moment
          // would lose it, or has just recorded it.
          guard let right = try leases.take(record.key) else { continue }
          rights.append(right)
          if try self.own(of: record.key, actions[record.key]).counts { continue }
        }
        try publication.add(record: record, isReplacing: isReplacing)
      }
      records.append(record)
    }
    let keys = Set(records.map(\.key))
    _ = try store.add(signatures.filter { keys.contains($0.key) })
    // Who needs what stays there has it made or fetched, as what was removed to save room.
    try store.leavingOut(records.flatMap(\.artefacts)) { try publication.commit() }
    try? store.note(told: records, from: place)
  }

  /// What is recorded here, and whether it counts; nil if nothing is that can be read.
  private func own(of key: Digest, _ action: Action?) throws -> (record: Record?, counts: Bool) {
    guard let here = (try? store.record(key)) ?? nil else { return (nil, false) }
    let isSound = action?.fault(in: here.outputs) == nil
    return (here, try isSound && trust.refusal(of: here, in: store) == nil)
  }

  /// The place that had what is recorded when it was asked, and of which no more than the record may be here; nil if it was made here.
  func origin(of record: Record) -> String? {
    isTold(record) ? store.originOfTold(record.key) : nil
  }

  /// Whether somebody else has said just that.
  func isTold(_ record: Record) -> Bool { (try? store.toldRecord(record.key)) == record }

  /// Follows the plan of what some names such as `fit[47k].curve` stand for as far as records carry it: those of the store and,
  /// where it has none, those of another place, which is asked for many at once.
  /// - Throws: if the place does not answer, or a name is no stage's.
  public func borrowing(_ names: [String], from source: any ArtefactSource) async throws -> Borrowing {
    let stages = names.map { String(Reference.leadingName(of: $0).prefix { $0 != "@" }) }
    // Of a stage with thousands of instances only those are asked for that are meant.
    var targets = zip(names, stages).map { Engine.instances(namedBy: $0) ?? $1 }
    var engine = self
    engine.borrowed = BorrowedRecords(place: source.place ?? "the other place")
    var asked: Set<Digest> = []
    while true {
      try Task.checkCancellation()
      let survey: Survey
      do {
        survey = try await withTaskExecutorPreference(TaskThreads.shared) { [engine, targets] in
          try Survey(engine, targets: targets)
        }
      } catch {
        // Not every name of an output is that of a target, and which instances there are may have to be found out first.
        if targets == stages { throw error }
        targets = stages
        continue
      }
      let open = survey.findings.compactMap { $0.record == nil ? $0.action : nil }
        .filter { asked.insert($0.key).inserted }
      if open.isEmpty { return Borrowing(engine, survey, source) }
      let offer = try await engine.offer(of: source, for: open)
      engine.borrowed!.records.merge(offer.sound) { first, _ in first }
      engine.borrowed!.signatures.merge(offer.signatures) { first, _ in first }
      engine.borrowed!.refusals.merge(offer.refusals) { first, _ in first }
    }
  }

  /// The target that stands for the instances in a name such as `fit[47k,1].curve`; nil if it names all of a stage.
  private static func instances(namedBy name: String) -> String? {
    guard let reference = Reference(name) else { return nil }
    switch reference.instances {
    case .all: return nil
    case .one(let keys): return "\(reference.stage)[\(keys.joined(separator: ","))]"
    case .matching(let keys):
      return "\(reference.stage)[\(keys.map { $0 ?? "*" }.joined(separator: ","))]"
    }
  }
}
