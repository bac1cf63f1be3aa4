import ArgumentParser
import Artefacts
import Glibc
import JSON
import Runs
import System

/// What of a store is kept: the options of every command that asks what is needed.
struct KeepingOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Keep what the last so many different runs of each pipeline needed.", valueName: "n"))
  var runs = 10

  @Option(
    help: ArgumentHelp(
      "Keep what is newer than this, and for as long what was set aside: 0, 30m, 12h, 7d.", valueName: "time")
  )
  var grace = KeepingTime(seconds: 86_400)

  func validate() throws {
    guard 1...KeepingRules.mostRuns ~= runs else {
      throw ValidationError("--runs takes a number from 1 to \(KeepingRules.mostRuns), not \(runs)")
    }
  }

  var rules: KeepingRules {
    var rules = KeepingRules()
    rules.runs = runs
    rules.grace = .seconds(grace.seconds)
    return rules
  }
}

/// A time as people write it: `30m`, `12h`, `7d`.
struct KeepingTime: ExpressibleByArgument, CustomStringConvertible {
  let seconds: Int

  /// Ten years.
  private static let longest = 3650 * 86_400

  init(seconds: Int) { self.seconds = seconds }

  init?(argument: String) {
    let units = ["s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800]
    let unit = argument.last.flatMap { units[String($0)] }
    guard let count = Int(unit == nil ? argument : String(argument.dropLast())), 0...100_000 ~= count,
      unit != nil || count == 0, count * (unit ?? 1) <= KeepingTime.longest
    else { return nil }
    seconds = count * (unit ?? 1)
  }

  var description: String {
    for (name, unit) in [("d", 86_400), ("h", 3600), ("m", 60)] where seconds % unit == 0 && seconds > 0 {
      return "\(seconds / unit)\(name)"
    }
    return "\(seconds)s"
  }
  var defaultValueDescription: String { description }
}

/// `1.5G` or `1.5GiB`, and `1.5GB` in powers of 1000, as brake prints amounts.
struct KeepingBudget: ExpressibleByArgument {
  let bytes: Int

  init?(argument: String) {
    let units = [("kB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12)]
    if let (unit, scale) = units.first(where: { argument.hasSuffix($0.0) }) {
      let number = argument.dropLast(unit.count)
      // Double would read 0x10 and 1e3, too.
      guard number.allSatisfy({ "0"..."9" ~= $0 || $0 == "." }), let amount = Double(number),
        0..<1e6 ~= amount
      else { return nil }
      bytes = Int(amount * scale)
    } else {
      guard let bytes = ByteAmount.bytes(argument) else { return nil }
      self.bytes = bytes
    }
  }
}

extension Brake {
  struct Collect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "gc",
      abstract: "Make room: take out of the store what nothing needs.",
      discussion: """
        Kept are references, pins, what was shared, what is published in a workspace, what the last runs of each pipeline \
        needed, what is in use, and the records of how all of it was made. Everything else that is not new is set aside, and \
        removed by a later 'brake gc' when it has been aside for as long as --grace says; until then whoever misses it has it back. \
        --now does both at once. Nobody has to wait: runs may go on beside it.

        With --budget, outputs that are needed go as well until all objects fit, first those that take the least time to make again \
        for each byte. They are made again when a stage reads them that has to run; as long as all those are up to date, nothing \
        runs. docs/keeping.md says more.

        On a store to which a group or others may write, it only says what it would do, unless --yes is given.
        """)

    @OptionGroup var workspace: Workspace
    @OptionGroup var keeping: KeepingOptions

    @Flag(name: [.customShort("n"), .long], help: "Say what would be set aside and removed; do nothing.")
    var dryRun = false
    @Flag(help: "Remove at once, whatever its age: the same as --grace 0.") var now = false
    @Option(
      help: ArgumentHelp(
        "Remove more, until the objects that stay take at most this much: 1.5G, 800MB.", valueName: "size"))
    var budget: KeepingBudget?
    @Flag(help: "Do it even if others use the store.") var yes = false
    @Flag(help: "Print one object.") var json = false

    func validate() throws {
      if dryRun && yes { throw ValidationError("--dry-run and --yes exclude each other") }
    }

    func run() async throws {
      try workspace.enter()
      let store = try workspace.open()
      var rules = keeping.rules
      if now { rules.grace = .zero }
      let isShared = store.isOpenToOthers
      let isTrial = dryRun || isShared && !yes
      let keeper = StoreKeeper(store, rules)
      let budget = budget?.bytes
      let outcome = try await Interruption.asking(
        { try await keeper.collect(budget: budget, isTrial: isTrial, observe: $0.show) },
        interrupted: "what was set aside stays there, and the same command goes on from there")
      if json { return try Output.print(outcome.json(isTrial: isTrial)) }
      try Output.print(outcome.text(isTrial: isTrial, grace: now ? KeepingTime(seconds: 0) : keeping.grace))
      if isTrial && !dryRun {
        Output.note("note: others may write to this store, so nothing was done; --yes does it")
      }
    }
  }

  struct Remove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "rm",
      abstract: "Take artefacts out of the store, though something may need them.",
      discussion: """
        For what you know better than 'brake gc': a checkpoint that is too large, a figure that nobody wants. The record of how \
        it was made stays, and it is made again when a stage reads it that has to run. What has a name, a pin or a colleague who may \
        ask for it is refused. Until the next 'brake gc' that is --grace later, reading it brings it back, and the disk has \
        no more room; --now removes it at once. \
        \(ArtefactArguments.help)
        """)

    @OptionGroup var pipeline: PipelineOptions
    @Flag(help: "Remove at once, so that there is room.") var now = false
    @Flag(help: "Print one object.") var json = false
    @OptionGroup var given: ArtefactArguments

    func validate() throws {
      if given.names.isEmpty { throw ValidationError("Missing expected argument '<artefact>'") }
    }

    func run() async throws {
      let (store, digests) = try await given.opened(pipeline)
      for digest in digests where try !store.contains(digest) {
        throw Failure(.notFound, "\(digest) is not in \(store.root)", hint: "see 'brake ls'")
      }
      let amount = try await StoreKeeper(store).remove(digests, isForGood: now)
      if json { return try Output.print(amount.json) }
      try Output.print((now ? "removed: " : "set aside: ") + amount.text)
    }
  }

  struct Pin: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "pin",
      abstract: "Keep artefacts, whatever else is removed; without arguments, list those.",
      discussion: "A pin is a reference without a name. \(ArtefactArguments.help)")

    @OptionGroup var pipeline: PipelineOptions
    @Flag(help: "Print an array of objects.") var json = false
    @OptionGroup var given: ArtefactArguments

    func run() async throws {
      let (store, digests) = try await given.opened(pipeline)
      for digest in digests { try store.pin(digest) }
      try Pins.show(given.names.isEmpty ? store.pins() : digests, json)
    }
  }

  struct Unpin: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "unpin",
      abstract: "Take pins away from artefacts.", discussion: "The artefacts stay until the next 'brake gc'.")

    @OptionGroup var pipeline: PipelineOptions
    @Flag(help: "Print an array of objects.") var json = false
    @OptionGroup var given: ArtefactArguments

    func validate() throws {
      if given.names.isEmpty { throw ValidationError("Missing expected argument '<artefact>'") }
    }

    func run() async throws {
      let (store, digests) = try await given.opened(pipeline)
      for digest in digests where try !store.unpin(digest) {
        throw Failure(.notFound, "\(digest) is not pinned", hint: "'brake pin' lists what is")
      }
      try Pins.show(digests, json)
    }
  }
}

private enum Pins {
  static func show(_ digests: [Digest], _ json: Bool) throws {
    if json {
      return try Output.print(.array(digests.map { ["digest": .string($0.description)] }))
    }
    if !digests.isEmpty { try Output.print(digests.map(\.description).joined(separator: "\n")) }
  }
}

extension ArtefactArguments {
  /// The store, and what all names stand for, each once.
  func opened(_ pipeline: PipelineOptions) async throws -> (store: Store, digests: [Digest]) {
    try pipeline.workspace.enter()
    let store = try pipeline.workspace.open()
    let resolver = resolver(pipeline, in: store)
    var digests: [Digest] = []
    var seen: Set<Digest> = []
    for name in names {
      for digest in try await resolver.all(name).map(\.digest) where seen.insert(digest).inserted {
        digests.append(digest)
      }
    }
    return (store, digests)
  }
}

/// One line on a terminal that says how far a collection is.
struct CollectProgress: Sendable {
  private let terminal = Terminal()

  func show(_ phase: StoreKeeper.Phase) throws {
    try Task.checkCancellation()
    guard terminal.isTerminal else { return }
    let text =
      switch phase {
      case .looking: "finding out what is needed"
      case .settingAside(let done, let total): "setting aside \(done)/\(total)"
      case .lookingAgain: "finding out again what is needed"
      case .removing: "removing"
      }
    Output.noteRaw("\r\u{1B}[K" + text)
  }

  func end() { if terminal.isTerminal { Output.noteRaw("\r\u{1B}[K") } }
}

extension Interruption {
  /// Work that tells how far it is, ended by a signal.
  static func asking<Value: Sendable>(
    _ body: @escaping @Sendable (CollectProgress) async throws -> Value, interrupted: String
  ) async throws -> Value {
    let progress = CollectProgress()
    defer { progress.end() }
    do { return try await cancelling { try await body(progress) } } catch let error as Interruption {
      progress.end()
      Output.note("\(error); \(interrupted)")
      throw ExitCode(128 + error.signal)
    }
  }
}

extension SweptAmount {
  var json: JSON {
    [
      "objects": .integer(Int64(objects)), "records": .integer(Int64(records)),
      "bytes": .integer(Int64(bytes)),
    ]
  }

  var text: String {
    let records = records == 0 ? "" : ", \(records) record\(records == 1 ? "" : "s")"
    return "\(objects) object\(objects == 1 ? "" : "s")\(records), \(byteCount(bytes))"
  }
}

extension StoreKeeper.Outcome {
  fileprivate func json(isTrial: Bool) -> JSON {
    [
      "dry_run": .bool(isTrial), "set_aside": aside.json, "removed": removed.json, "young": young.json,
      "waiting": waiting.json, "taken_back": takenBack.json, "kept": kept.json,
      "over_budget": .integer(Int64(overBudget)),
      "signatures": .integer(Int64(signatures)),
      "evicted": .array(
        evicted.map {
          [
            "stage": .string($0.stage), "action": .string($0.key.description),
            "objects": .integer(Int64($0.objects)), "bytes": .integer(Int64($0.bytes)),
            "seconds": .number($0.seconds),
          ]
        }),
    ]
  }

  fileprivate func text(isTrial: Bool, grace: KeepingTime) -> String {
    var lines: [String] = []
    let would = isTrial ? "would be " : ""
    if !takenBack.isNothing { lines.append("needed again:  \(takenBack.text)") }
    for each in evicted.prefix(10) {
      lines.append(
        "\(would)removed although needed: \(each.stage) (\(each.key.short)), \(byteCount(each.bytes)), \(duration(each.seconds)) to make again"
      )
    }
    if evicted.count > 10 {
      let bytes = byteCount(evicted.reduce(0) { $0 + $1.bytes })
      lines.append("\(would)removed although needed: \(evicted.count) in all, \(bytes); --json lists them")
    }
    lines.append("\(would)set aside: \(aside.text)")
    lines.append("\(would)removed:   \(removed.text)")
    if !waiting.isNothing { lines.append("waiting:   \(waiting.text), to be removed by a later 'brake gc'") }
    if !young.isNothing { lines.append("not needed, but newer than \(grace): \(young.text)") }
    if signatures > 0 { lines.append("signatures of \(signatures) records that are gone: removed") }
    lines.append("kept:      \(kept.text)")
    if overBudget > 0 { lines.append("over the budget by \(byteCount(overBudget)): nothing else may go") }
    return lines.joined(separator: "\n")
  }
}
