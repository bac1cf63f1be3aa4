import ArgumentParser
import Artefacts
import Glibc
import JSON
import Runs
import System

extension Brake {
  struct Collect: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "gc",
      abstract: "Make room: take out of the store what nothing needs.",
      discussion: """
        Kept are references, pins, what was shared, what is published in a workspace, what the last runs of each pipeline \
        needed, what is in use, and the records of how all of it was made. Everything else that is not new is set aside, and \
        removed by a later 'brake gc' when it has been aside for as long as --grace says; until then whoever misses it has it back. \
        --now does both at once. What is written out for commands goes as far as it is more than BRAKE_RESTORED or the budget \
        allows, and with --now all of it that is not in use. Nobody has to wait: runs may go on beside it.

        With --budget, outputs that are needed go as well until all objects fit, first those that take the least time to make again \
        for each byte. They are made again when a stage reads them that has to run, or by 'brake run STAGE'; as long as all that \
        read them are up to date, nothing runs. 'brake pull' fetches them where another place has them. docs/keeping.md says more.

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
      "waiting": waiting.json, "written_out_bytes": .integer(Int64(writtenOut)), "taken_back": takenBack.json,
      "kept": kept.json,
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
        "\(would)set aside although needed: \(each.stage) (\(each.key.short)), \(byteCount(each.bytes)), \(duration(each.seconds)) to make again"
      )
    }
    if evicted.count > 10 {
      let bytes = byteCount(evicted.reduce(0) { $0 + $1.bytes })
      lines.append("\(would)set aside although needed: \(evicted.count) in all, \(bytes); --json lists them")
    }
    if let first = evicted.first {
      let stage = evicted.count == 1 ? "'\(first.stage)'" : "STAGE, as in brake run '\(first.stage)'"
      lines.append(
        "to have it back:  brake run \(stage), with the parameters that it had; or brake pull where another place has it"
      )
    }
    lines.append("\(would)set aside: \(aside.text)")
    lines.append("\(would)removed:   \(removed.text)")
    if !waiting.isNothing { lines.append("waiting:   \(waiting.text), to be removed by a later 'brake gc'") }
    if !young.isNothing { lines.append("not needed, but newer than \(grace): \(young.text)") }
    if writtenOut > 0 { lines.append("written out for commands: \(byteCount(writtenOut)) \(would)removed") }
    if signatures > 0 { lines.append("signatures of \(signatures) records that are gone: removed") }
    lines.append("kept:      \(kept.text)")
    if overBudget > 0 {
      let over = "over the budget by \(byteCount(overBudget)): "
      lines.append(
        over
          + (young.bytes == 0
            ? "nothing else may go"
            : "\(byteCount(young.bytes)) that are not needed are newer than \(grace), and go with --now, or a shorter --grace")
      )
    }
    return lines.joined(separator: "\n")
  }
}
