import ArgumentParser
import Artefacts
import JSON
import Runs
import System

extension Brake {
  struct Repack: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "repack",
      abstract:
        "Store checkpoints in fewer bytes, as differences from earlier ones, and small results in fewer files.",
      discussion: """
        Without artefacts: all in the store that are safetensors files and stand in a row, by their records: members of a keyed \
        output whose keys are numbers, and links of a chain. With artefacts: those of them alone. Digests, and all that \
        is read, stay what they are. What saves less than a twentieth stays as it is. What Adam keeps of squared gradients is predicted where \
        a state is one update after its base, and with --predict-weights weights are where they are one update after theirs and the states \
        after it are kept beside them. What is predicted stands behind half as many, and keeps all that it is predicted from. Others may use the store \
        meanwhile, and what is interrupted goes on where it was. A brake that does not know differences refuses the store from then on, \
        until --undo has written all of them out.

        With --small, small results and records that have files of their own are put together into few files besides, as those of large \
        pipelines are from the start. Others find them also where a web server has the store as it is, but not with an older brake. \
        \(ArtefactArguments.help)
        """)

    @OptionGroup var pipeline: PipelineOptions
    @Flag(name: [.customShort("n"), .long], help: "Say what would be saved, and change nothing.") var dryRun =
      false
    @Flag(help: "Store what is a difference so that it stands for itself again.") var undo = false
    @Flag(help: "Put small results that have files of their own together into few files, too.") var small =
      false
    @Flag(
      name: .customLong("predict-weights"),
      help:
        "Save weights as what an update has made of earlier ones, too: they take least, and are read at a quarter of the speed."
    )
    var predictsWeights = false
    @Option(
      help: ArgumentHelp(
        "How many objects may have to be read before another one, 1 to \(Repacking.depthLimit): with more of them less is "
          + "stored, and reading takes longer.", valueName: "n"))
    var depth = Repacking.usualDepth
    @Flag(help: "Print one object.") var json = false
    @OptionGroup var given: ArtefactArguments

    func validate() throws {
      if !(1...Repacking.depthLimit ~= depth) {
        throw ValidationError("--depth takes a number from 1 to \(Repacking.depthLimit), not \(depth)")
      }
      if predictsWeights && undo {
        throw ValidationError("--predict-weights and --undo exclude each other")
      }
      if small && undo { throw ValidationError("--small and --undo exclude each other") }
      if small && !given.names.isEmpty {
        throw ValidationError("--small is for all small results; leave out the names, or --small")
      }
    }

    func run() async throws {
      try pipeline.workspace.enter()
      let store = try pipeline.workspace.open()
      let wanted = try await wanted(in: store)
      let outcome: Outcome
      do {
        outcome = try await Interruption.cancelling { [self] in try repack(store, wanted) }
      } catch let interruption as Interruption {
        Terminal().clearLine()
        Output.note("\(interruption); what is done stays, and the same command goes on from there")
        throw ExitCode(128 + interruption.signal)
      }
      try json ? Output.print(outcome.json(isDry: dryRun)) : Output.print(outcome.text(isDry: dryRun))
      if outcome.failed > 0 { throw ExitCode(2) }
    }

    /// The objects that the arguments stand for; nil for all.
    private func wanted(in store: Store) async throws -> Set<Digest>? {
      if given.names.isEmpty { return nil }
      let resolver = given.resolver(pipeline, in: store)
      var wanted: Set<Digest> = []
      for name in given.names {
        for found in try await resolver.all(name) {
          wanted.formUnion(try store.members(of: store.artefact(found.digest)))
        }
      }
      return wanted
    }

    private func repack(_ store: Store, _ wanted: Set<Digest>?) throws -> Outcome {
      let repacking = try Repacking(of: store, isDry: dryRun)
      var outcome = Outcome()
      if undo {
        let objects = repacking.differences.filter { wanted?.contains($0) ?? true }
        try forEach(objects, &outcome) { try repacking.unpack($0) }
        try repacking.finish()
      } else {
        let successions = try repacking.successions(failed: { Output.note("note: passed over: \($0)") })
          .filter { (predictsWeights || $0.states.isEmpty) && wanted?.contains($0.later) ?? true }
        if predictsWeights || depth > Repacking.usualDepth {
          let before = Set(repacking.differences)
          outcome.left = Set(successions.map(\.later).filter(before.contains)).count
        }
        try forEach(successions, &outcome) { try repacking.pack($0, limit: depth) }
      }
      if small { try gather(repacking, &outcome) }
      return outcome
    }

    private func gather(_ repacking: Repacking, _ outcome: inout Outcome) throws {
      let terminal = Terminal()
      defer { terminal.clearLine() }
      var failed = 0
      outcome.gathered = try repacking.gather(
        failed: {
          terminal.clearLine()
          Output.note("error: \($0)")
          failed += 1
        },
        progress: { done, total in
          guard terminal.isTerminal, done % 100 == 0 else { return }
          Output.noteRaw("\r\u{1B}[K" + "putting together \(done) of \(total) small files")
        })
      outcome.failed += failed
    }

    /// An object that cannot be read is told and passed over; a disk that is full ends it all.
    private func forEach<Item>(
      _ items: [Item], _ outcome: inout Outcome, _ body: (Item) throws -> Repacking.Change?
    ) throws {
      let terminal = Terminal()
      defer { terminal.clearLine() }
      for (number, item) in items.enumerated() {
        try Task.checkCancellation()
        if terminal.isTerminal {
          let line = "repacking \(number + 1) of \(items.count) objects, \(outcome.sizes)"
          Output.noteRaw("\r\u{1B}[K" + line.fitted(to: terminal.size.columns - 1))
        }
        do {
          if let change = try body(item) { outcome.changes.append(change) }
        } catch let error as Failure where error.object != nil {
          terminal.clearLine()
          Output.note("error: \(error)")
          outcome.failed += 1
        }
      }
    }
  }
}

private struct Outcome {
  var changes: [Repacking.Change] = []
  var failed = 0
  /// Objects that were differences before, which other options leave as they are.
  var left = 0
  /// What became of small ones; nil if they were not asked for.
  var gathered: Repacking.Gathered?

  var sizes: String { Outcome.sizes(of: changes) }

  func text(isDry: Bool) -> String {
    let small = gathered.flatMap { $0.files == 0 ? nil : $0.text }
    if changes.isEmpty {
      return (small ?? "nothing to repack") + leftText
        + (isDry && small != nil ? "\nnothing was changed" : "")
    }
    var table = Table(.left, .right, .left)
    for (kind, changes) in kinds {
      table.add(kind, "\(changes.count) object\(changes.count == 1 ? "" : "s")", Outcome.sizes(of: changes))
    }
    if kinds.count > 1 { table.add("all", "\(changes.count) objects", sizes) }
    return table.text() + (small.map { "\n" + $0 } ?? "") + leftText + (isDry ? "\nnothing was changed" : "")
  }

  private var leftText: String {
    left == 0
      ? ""
      : "\n\(left) object\(left == 1 ? " was a difference before and stays" : "s were differences before and stay") as stored then; "
        + "to store all with these options, first 'brake repack --undo'"
  }

  func json(isDry: Bool) -> JSON {
    var members: [String: JSON] = [
      "left": .integer(Int64(left)), "dry_run": .bool(isDry), "failed": .integer(Int64(failed)),
      "objects": .array(
        changes.map { change in
          [
            "digest": .string(change.object.description),
            "base": change.base.map { .string($0.description) } ?? .null,
            "states": change.states.map { .string($0.description) } ?? .null,
            "elements": change.elements.map { .string($0) } ?? .null,
            "logical_bytes": .integer(Int64(change.logicalBytes)),
            "stored_bytes_before": .integer(Int64(change.before)),
            "stored_bytes": .integer(Int64(change.after)),
          ]
        }),
    ]
    members["small"] = gathered?.json
    return .object(members)
  }

  /// By their most frequent types of elements.
  private var kinds: [(String, [Repacking.Change])] {
    Dictionary(grouping: changes) { $0.elements ?? "other" }.sorted { $0.key < $1.key }
  }

  private static func sizes(of changes: [Repacking.Change]) -> String {
    let logical = changes.reduce(0) { $0 + $1.logicalBytes }
    let (before, after) = changes.reduce((0, 0)) { ($0.0 + $1.before, $0.1 + $1.after) }
    let ratio = before > 0 && after > 0 ? " (\(fixed(Double(before) / Double(after), 2)) times)" : ""
    return "of \(byteCount(logical)): \(byteCount(before)) -> \(byteCount(after))\(ratio)"
  }
}

extension Repacking.Gathered {
  fileprivate var text: String {
    "small  \(objects) objects and \(records) records: \(byteCount(before)) in \(files) files -> \(byteCount(after)) in \(segments)"
  }

  fileprivate var json: JSON {
    [
      "objects": .integer(Int64(objects)), "records": .integer(Int64(records)),
      "files_before": .integer(Int64(files)), "files": .integer(Int64(segments)),
      "stored_bytes_before": .integer(Int64(before)), "stored_bytes": .integer(Int64(after)),
    ]
  }
}

extension Terminal {
  /// Removes a line that says how far something is.
  func clearLine() { if isTerminal { Output.noteRaw("\r\u{1B}[K") } }
}
