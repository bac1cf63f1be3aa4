import ArgumentParser
import Artefacts
import JSON
import Pipeline
import Remotes
import Runs
import System

extension Brake {
  struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "verify",
      abstract: "Read artefacts and check every byte against their names.",
      discussion: """
        Without digests: everything in the store, records, files of signatures, lists of what runs needed and references \
        too. What is damaged is named and moved to quarantine/; what the disk does not let be read is named and stays; \
        what a record or reference promises and is not there is named as lost. The exit status is then 2. With --repair, what is damaged or lost is fetched from another \
        place and checked again. Without --from the place is asked that is known, or called origin. Without names and --from, \
        stages of the pipeline here run again, on this machine, of whose outputs it has none, or damaged ones; what it may have \
        and does not hand out is not made again. \
        \(ArtefactArguments.help)
        """)

    @OptionGroup var pipeline: PipelineOptions
    @Flag(help: "Print one object: the number checked, and what is damaged, unreadable or lost.") var json =
      false
    @Flag(help: "Fetch what is damaged or lost from another place, or make it again, and verify again.")
    var repair = false
    @Option(
      help: ArgumentHelp("The other place for --repair, by name or address.", valueName: "remote"))
    var from: String?
    @OptionGroup var given: ArtefactArguments

    func validate() throws {
      if from != nil && !repair { throw ValidationError("--from is for --repair") }
    }

    func run() async throws {
      try pipeline.workspace.enter()
      let store = try pipeline.workspace.open()
      // A mistake in the address is told before hours of reading.
      let names = RemoteNames(of: store)
      let address = try repair ? place(from, of: names) : nil
      var found = try await look(at: store)
      var open: Set<Digest> = []
      if let address, !found.wanted.isEmpty {
        let repaired = try await Fetching(address, into: store).repair(found.wanted.sorted())
        Output.note("\(repaired.count) of \(found.wanted.count) repaired from \(address)")
        if repaired.count > 0 { found = try await look(at: store) }
        open = repaired.open
        let left = found.namesOfLost(in: open)
        if from == nil, !left.isEmpty { Output.note(Verify.left(left, address, repaired)) }
      }
      if repair, from == nil, let engine = try await makeAgain(found.lostActions, sparing: open) {
        found = try await look(at: engine.store)
      }
      if json {
        try Output.print(found.json)
      } else {
        try Output.print(found.summary)
      }
      if !found.isSound { throw ExitCode(2) }
    }

    /// Where artefacts may be; nil where no place is known, or none of several is the usual one.
    private func place(_ from: String?, of names: RemoteNames) throws -> RemoteAddress? {
      if let from { return try names.resolve(from) }
      do { return try names.resolve(nil) } catch let error as Failure {
        guard error.code == .notFound else { throw error }
        if try !names.all().isEmpty {
          Output.note(
            "note: no other place is asked: there are several, and none is called origin; --from names one")
        }
        return nil
      }
    }

    /// What is not made again since the place may have it.
    private static func left(
      _ names: [String], _ address: RemoteAddress, _ repaired: Fetching.Repaired
    ) -> String {
      let most = 5
      let more = names.count > most ? " and \(names.count - most) more" : ""
      let reason =
        repaired.hasStore == false
        ? "there is no store at \(address), where what is lost may be: it may not be mounted"
        : "\(address) may have what is lost, and does not hand it out"
      return "note: not made again: \(names.prefix(most).joined(separator: ", "))\(more): \(reason)"
        + "\n  hint: try again later, name another place with --from, or run the stages"
    }

    /// Runs those stages of the pipeline here of which an output is lost.
    ///
    /// - Parameters:
    ///   - lost: of each of their actions what is lost.
    ///   - open: what another place may have. Neither that is made again nor what is made of it.
    /// - Returns: what has run them; nil if there is nothing to run.
    private func makeAgain(_ lost: [Digest: Set<Digest>], sparing open: Set<Digest>) async throws -> Engine? {
      guard lost.values.contains(where: { $0.isDisjoint(with: open) }),
        pipeline.file != nil || PipelineOptions.default != nil
      else { return nil }
      let engine: Engine
      var stages: [String]
      do {
        engine = try pipeline.engine(given.overrides)
        stages = try await self.stages(of: engine, lost, sparing: open)
      } catch let error where !(error is CancellationError) {
        Output.note("note: nothing is made again: \(error)")
        return nil
      }
      if stages.isEmpty { return nil }
      var tried: Set<String> = []
      while !stages.isEmpty {
        _ = try await Overseen.run { [stages] in try await engine.run(targets: stages, observe: $0) }
        tried.formUnion(stages)
        // What reads a lost output is known once that is there again.
        stages = try await self.stages(of: engine, lost, sparing: open).filter { !tried.contains($0) }
      }
      return engine
    }

    /// The stages of a pipeline whose outputs are lost, as far as their inputs are known. Other actions belong to other pipelines, or to an
    /// earlier state of this one.
    private func stages(
      of engine: Engine, _ lost: [Digest: Set<Digest>], sparing open: Set<Digest>
    ) async throws -> [String] {
      let plan = try engine.plan()
      let all = Set(plan.instances.map(\.stage) + plan.deferred.map(\.stage))
      var objects: [String: Set<Digest>] = [:]
      let status = try await engine.status(targets: all.sorted())
      for each in status where each.state == .lost { objects[each.instance] = each.key.flatMap { lost[$0] } }
      var spared: Set<String> = []
      for instance in plan.instances {
        let isOpen = objects[instance.name].map { !$0.isDisjoint(with: open) } ?? false
        if isOpen || !spared.isDisjoint(with: instance.dependencies) { spared.insert(instance.name) }
      }
      return status.map(\.instance).filter { objects[$0] != nil && !spared.contains($0) }
    }

    private func look(at store: Store) async throws -> Tally {
      given.names.isEmpty ? try all(of: store) : try await given(of: store)
    }

    private func given(of store: Store) async throws -> Tally {
      let resolver = given.resolver(pipeline, in: store)
      var digests: [Digest] = []
      for name in given.names {
        for digest in try await resolver.all(name).map(\.digest) where !digests.contains(digest) {
          digests.append(digest)
        }
      }
      var tally = Tally(total: digests.count)
      for digest in digests { tally.check(digest.description, digest) { try store.verify(digest) } }
      tally.end()
      return tally
    }

    private func all(of store: Store) throws -> Tally {
      // First: what is sound in a damaged segment stands in another one afterwards.
      let damagedSegments = try store.damagedSegments()
      let objects = try store.objects()
      var tally = Tally(total: objects.count)
      for error in damagedSegments { tally.check("a segment") { throw error } }
      var trees: [Digest] = []
      for digest in objects {
        tally.check(digest.description, digest) {
          if try store.verifyAlone(digest) == .tree { trees.append(digest) }
        }
      }
      tally.end()
      var unbelieved: [Failure] = []
      for record in try store.records(damaged: { unbelieved.append($0) }) {
        var losses: [Loss] = []
        tally.check("the record of \(record.stage)") { losses = try store.losses(of: record) }
        tally.note(losses, of: record, in: store)
      }
      for error in unbelieved { tally.check("a record") { throw error } }
      for key in try store.keysOfSignatures() {
        tally.check("the signatures of the record \(key)") { _ = try store.signatures(of: key) }
      }
      try RunLists(of: store).verify { list, check in tally.check("the list of a run", nil, check) }
      for name in try store.references() {
        tally.check("reference \(name)", try? store.reference(name)) {
          guard let digest = try store.reference(name) else { return }
          if try !store.contains(digest) || !store.isWhole(store.artefact(digest)) {
            throw Failure(
              .notFound, "the reference '\(name)' names \(digest), of which something is not in the store",
              hint: nil, object: digest)
          }
        }
      }
      for tree in trees {
        let artefact = Artefact(digest: tree, kind: .tree, size: 0)
        if let object = try? store.firstLost(of: artefact) { tally.note(tree, lacking: object) }
      }
      return tally
    }
  }
}

/// Counts what was checked, says what was wrong as it comes up, and shows on a terminal how far it is.
struct Tally {
  private var checked = 0
  private var errors: [(name: String, error: any Error)] = []
  private var unreadable: [(name: String, error: any Error)] = []
  private var losses: [(loss: Loss, record: Record)] = []
  /// Names that lead to what is not there.
  private var lostNames: [(name: String, error: Failure)] = []
  /// Trees of which something is missing and that no record promises.
  private var incomplete: [Digest] = []
  private var removed = 0
  /// What another place may have.
  private(set) var wanted: Set<Digest> = []
  private let total: Int
  private let terminal = Terminal()
  private var drawn = ContinuousClock.now

  init(total: Int) { self.total = total }

  /// - Parameter object: what is to be had again if it fails.
  mutating func check(_ name: String, _ object: Digest? = nil, _ body: () throws -> Void) {
    do { try body() } catch {
      end()
      wanted.formUnion([object, (error as? Failure)?.object].compactMap(\.self))
      Output.note("error: \(error)")
      if let error = error as? Failure, [.unreadable, .system].contains(error.code) {
        unreadable.append((name, error))
      } else if let error = error as? Failure, error.code == .notFound, error.object != nil {
        lostNames.append((name, error))
      } else {
        errors.append((name, error))
      }
    }
    checked += 1
    let now = ContinuousClock.now
    guard terminal.isTerminal, now - drawn >= .milliseconds(100) else { return }
    drawn = now
    Output.noteRaw("\r\u{1B}[Kverifying \(checked)/\(total)")
  }

  /// What was removed on purpose is made again when somebody needs it, and is not lost.
  mutating func note(_ losses: [Loss], of record: Record, in store: Store) {
    if losses.isEmpty { return }
    let removed = (try? store.removedObjects()) ?? []
    for loss in losses {
      if removed.contains(loss.object) { self.removed += 1 } else { note(loss, of: record) }
    }
  }

  private mutating func note(_ loss: Loss, of record: Record) {
    Output.note(
      "error: \(loss.name(in: record)) is lost: \(loss.object) is not in the store"
        + "\n  hint: brake run '\(record.stage)', with the parameters that it had, makes it again")
    losses.append((loss, record))
    wanted.insert(loss.object)
  }

  /// What nothing promises is no loss: it may have been on its way in when brake was killed.
  mutating func note(_ tree: Digest, lacking object: Digest) {
    if losses.contains(where: { $0.loss.object == object }) { return }
    Output.note("note: the tree \(tree) is incomplete: \(object) is not in the store")
    incomplete.append(tree)
    wanted.insert(object)
  }

  func end() { if terminal.isTerminal { Output.noteRaw("\r\u{1B}[K") } }

  /// Of each action of which something is lost the objects.
  var lostActions: [Digest: Set<Digest>] {
    losses.reduce(into: [:]) { $0[$1.record.key, default: []].insert($1.loss.object) }
  }

  /// What those of some objects are that are lost.
  func namesOfLost(in objects: Set<Digest>) -> [String] {
    losses.filter { objects.contains($0.loss.object) }.map { $0.loss.name(in: $0.record) }
  }

  var isSound: Bool { errors.isEmpty && unreadable.isEmpty && losses.isEmpty && lostNames.isEmpty }

  var summary: String {
    func count(_ number: Int) -> String { number == 0 ? "none" : String(number) }
    return "\(checked) checked, \(count(errors.count)) damaged"
      + (unreadable.isEmpty ? "" : ", \(unreadable.count) unreadable")
      + (losses.isEmpty && lostNames.isEmpty ? "" : ", \(losses.count + lostNames.count) lost")
      + (incomplete.isEmpty ? "" : ", \(incomplete.count) incomplete")
      + (removed == 0 ? "" : ", \(removed) removed to save room")
  }

  var json: JSON {
    var members: [String: JSON] = [
      "checked": .integer(Int64(checked)),
      "damaged": .array(errors.map { ["name": .string($0.name), "error": .string("\($0.error)")] }),
      "unreadable": .array(unreadable.map { ["name": .string($0.name), "error": .string("\($0.error)")] }),
      "lost": .array(
        losses.map { $0.loss.json(in: $0.record) }
          + lostNames.map { lost in
            var members: [String: JSON] = ["name": .string(lost.name), "error": .string("\(lost.error)")]
            if let object = lost.error.object { members["object"] = .string(object.description) }
            return .object(members)
          }),
      "incomplete": .array(incomplete.map { .string($0.description) }),
    ]
    if removed > 0 { members["removed"] = .integer(Int64(removed)) }
    return .object(members)
  }
}

extension Loss {
  fileprivate func name(in record: Record) -> String {
    guard let output else { return "the log of \(record.stage)" }
    return "\(record.stage).\(output.name)" + (output.key.map { "[\($0)]" } ?? "")
  }

  fileprivate func json(in record: Record) -> JSON {
    var members: [String: JSON] = [
      "stage": .string(record.stage), "record": .string(record.key.description),
      "object": .string(object.description),
    ]
    if let output {
      members["output"] = .string(output.name)
      members["digest"] = .string(output.artefact.digest.description)
      if let key = output.key { members["key"] = .string(key) }
    } else {
      members["log"] = .string(object.description)
    }
    return .object(members)
  }
}
