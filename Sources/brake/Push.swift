import Actions
import ArgumentParser
import Artefacts
import JSON
import Remotes
import Runs
import System

extension Brake {
  struct Push: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "push",
      abstract: "Send artefacts to another place.",
      discussion: """
        What is there already is not sent again; what is interrupted goes on with the objects that have not gone \
        as a whole. Without names: all that the \
        pipeline's stages have made. Names of references are sent, too, and with what is named by reference or digest how it was \
        made, for 'brake pull' by the same name. A reference that stands for something else there is moved with --force alone. \
        A run is sent as a folder that holds what its targets have made, \
        with what was asked for and parameters, and without the names of this machine and its folders, for 'brake pull --run'. \
        \(Remote.help) \(ArtefactArguments.help)
        """)

    @OptionGroup var pipeline: PipelineOptions
    @Option(help: ArgumentHelp("The other place, by name or address.", valueName: "remote")) var to: String?
    @Option(
      name: .customLong("run"),
      help: ArgumentHelp(
        "Send a past run, by what 'brake runs' calls it, such as last.", valueName: "run"),
      completion: Completion.runs)
    var runName: String?
    @OptionGroup var lineage: LineageOption
    @Flag(help: "Move references that stand for something else there.") var force = false
    @Flag(help: "Print one object.") var json = false
    @OptionGroup var given: ArtefactArguments

    func run() async throws {
      try pipeline.workspace.enter()
      let store = try pipeline.workspace.open()
      let address = try RemoteNames(of: store).resolve(to)
      let remote = try address.open()
      var (push, named) = try await chosen(in: store)
      if lineage.records {
        let sent = push.artefacts + push.recorded
        push.records += try sent.map(\.digest).records(in: store, except: push.records)
        for digest in named { try push.add(lineageOf: digest, in: store) }
      }
      let run = try runName.map {
        try push.add(run: $0, withLineage: lineage.records, ifTaken: ifTaken, in: store)
      }
      if lineage.all { push.recorded += push.records.flatMap(\.artefacts) }
      try OwnRecords.signIfConfigured(push.records, in: store)
      let progress = TransferProgress()
      let outcome = try await Transfer.run("sent", progress) { [push] in
        try await push.run(from: store, to: remote, progress: progress)
      }
      if json {
        return try Output.print([
          "remote": .string(address.description), "objects": .integer(Int64(outcome.objects)),
          "objects_there": .integer(Int64(outcome.objectsThere)), "records": .integer(Int64(outcome.records)),
          "records_there": .integer(Int64(outcome.recordsThere)),
          "signatures": .integer(Int64(outcome.signatures)), "omitted": .integer(Int64(outcome.omitted)),
          "bytes": .integer(Int64(progress.bytes)),
          "run": run.map { .string($0.identifier) } ?? .null,
        ])
      }
      try Output.print(
        "\(outcome.objects) objects (\(byteCount(progress.bytes))) and \(outcome.records) records sent to \(address), "
          + "\(outcome.objectsThere) and \(outcome.recordsThere) were there"
          + (outcome.signatures == 0 ? "" : ", \(outcome.signatures) records have new signatures")
          + (outcome.omitted == 0 ? "" : "; \(outcome.omittedText)"))
      if let run { try Output.print("brake pull --run \(run.identifier)") }
    }

    private var ifTaken: Remotes.Push.Reference.IfTaken { force ? .move : .refuse }

    /// - Returns: what is sent, and what of it is named by reference or digest: no stage tells how that was made.
    private func chosen(in store: Store) async throws -> (Remotes.Push, named: [Digest]) {
      if given.names.isEmpty {
        if runName != nil { return (Remotes.Push(artefacts: []), []) }
        let engine = try pipeline.engine(given.overrides)
        var records = try await engine.recordedActions()
        var known: Set<Digest> = []
        // Said before it is looked for again: who collects what is not needed leaves it then.
        for _ in 0..<8 where !records.allSatisfy({ known.contains($0.key) }) {
          store.rely(on: records.flatMap { $0.artefacts.map(\.digest) })
          known.formUnion(records.map(\.key))
          records = try await engine.recordedActions()
        }
        var push = Remotes.Push(artefacts: [], records: records)
        push.recorded = records.flatMap(\.artefacts)
        return (push, [])
      }
      var push = Remotes.Push(artefacts: [])
      var named: [Digest] = []
      for name in given.names {
        for found in try await given.resolver(pipeline, in: store).all(name) {
          push.artefacts.append(try store.artefact(found.digest))
          let isReference = found.name.hasPrefix("@")
          if isReference {
            push.references.append(
              .init(String(found.name.dropFirst()), to: found.digest, ifTaken: ifTaken))
          }
          let isNamed = isReference || found.name == found.digest.description
          if isNamed, !named.contains(found.digest) { named.append(found.digest) }
        }
      }
      return (push, named)
    }
  }

  struct Share: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "share",
      abstract: "Send an artefact to another place, and print the line with which anybody gets it.",
      discussion: """
        A colleague pastes the line: 'brake get LINE'. Every byte is checked, so that neither the line nor the place need \
        be trusted. Of a run it stands for a folder with all that its targets have made, those that were named or else the pipeline's \
        defaults, and 'run.json', which says what was asked for with which parameters. Of the stages before them the records are sent, \
        and with --lineage what they have made, which 'brake pull --lineage LINE' fetches. \(Remote.help) \(ArtefactArguments.help)
        """)

    @OptionGroup var pipeline: PipelineOptions
    @Option(help: ArgumentHelp("The other place, by name or address.", valueName: "remote")) var to: String?
    @Option(
      help: ArgumentHelp(
        "Where others read what is kept in that place, if it is not where it is written.",
        valueName: "address"))
    var publicAddress: String?
    @Option(
      name: .customLong("run"),
      help: ArgumentHelp(
        "Share all that the targets of a past run have made, by what 'brake runs' calls it, such as last, instead of one artefact.",
        valueName: "run"),
      completion: Completion.runs)
    var runName: String?
    @OptionGroup var lineage: LineageOption
    @Flag(help: "Print one object.") var json = false
    @OptionGroup var given: ArtefactArguments

    func validate() throws {
      if runName == nil {
        _ = try given.one()
      } else if let name = given.names.first {
        throw ValidationError("--run shares all that the targets of a run have made: leave out '\(name)'")
      }
    }

    func run() async throws {
      try pipeline.workspace.enter()
      let store = try pipeline.workspace.open()
      let address = try RemoteNames(of: store).resolve(to)
      var push = Remotes.Push(artefacts: [])
      let digest: Digest
      let run = try runName.map {
        try push.add(run: $0, withLineage: lineage.records, ifTaken: .leave, in: store)
      }
      if let run {
        digest = run.artefact.digest
      } else {
        digest = try await given.resolver(pipeline, in: store).one(
          given.one(),
          hint: "name one of them, or share all that the targets of a run have made: brake share --run last"
        ).digest
        push.artefacts = [try store.artefact(digest)]
        if lineage.records { push.records = try [digest].records(in: store, except: []) }
      }
      var line = ShareLine(
        digest: digest, from: try publicAddress.map { try RemoteAddress($0) } ?? address.absolute())
      if lineage.records {
        try OwnRecords.signIfConfigured(push.records, in: store)
        line.lineage = try push.add(listOf: push.records, for: digest, in: store)
      }
      if lineage.all { push.recorded = push.records.flatMap(\.artefacts) }
      let progress = TransferProgress()
      let remote = try address.open()
      let outcome = try await Transfer.run("sent", progress) { [push] in
        try await push.run(from: store, to: remote, progress: progress)
      }
      try store.noteShared((push.artefacts + store.unremoved(push.recorded)).map(\.digest))
      if json {
        return try Output.print([
          "line": .string(line.description), "digest": .string(digest.description),
          "remote": .string(address.description), "bytes": .integer(Int64(progress.bytes)),
          "omitted": .integer(Int64(outcome.omitted)),
          "run": run.map { .string($0.identifier) } ?? .null,
        ])
      }
      try Output.print("brake get '\(line)'")
      if outcome.omitted > 0 { Output.note("note: \(outcome.omittedText)") }
      if publicAddress == nil, address.isBucket {
        Output.note(
          "note: who pastes this needs keys for the bucket; of one that is open to all, "
            + "--public-address https://… gives a line that needs none")
      }
    }
  }
}

extension Remotes.Push.Outcome {
  fileprivate var omittedText: String {
    "\(omitted) artefacts are recorded and not kept here, so that only their records went"
  }
}

extension [Digest] {
  /// The records of how these were made, and of all that they were made from, each once; without what only others say.
  func records(in store: Store, except known: [Record]) throws -> [Record] {
    var seen = Set(known.map(\.key))
    var records: [Record] = []
    // Of what is known to be made, and of sources, there is nothing to look up.
    func outputs(_ records: [Record]) -> Set<Digest> { Set(records.flatMap { $0.artefacts.map(\.digest) }) }
    let read = known.flatMap { Lineage.inputs(of: $0).map(\.digest) }
    let open = Set(self + read).subtracting(outputs(known))
    // What is damaged or too new nobody here can send. What cannot be read at this moment may belong to these.
    var unread: Failure?
    let source = try Lineage.Source(of: store) { failure in
      if [.unreadable, .system].contains(failure.code) { unread = failure }
    }
    if let unread { throw unread }
    for digest in open.filter(source.hasMaker).sorted() {
      for maker in Lineage(of: digest, in: source).makers.values
      where !maker.isTold && seen.insert(maker.record.key).inserted {
        records.append(maker.record)
      }
    }
    return records.sorted { $0.key < $1.key }
  }
}
