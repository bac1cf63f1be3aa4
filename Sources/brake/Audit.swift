import Actions
import ArgumentParser
import Artefacts
import JSON
import Remotes
import Runs
import System

extension Brake {
  struct Audit: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "audit",
      abstract: "Compute some of what others have recorded once more, and compare.",
      discussion: """
        Draws actions at random from those of the targets (the pipeline's defaults, with all that they need) of which the \
        record is somebody else's: pushed into this store, taken from another place by 'brake run --remote-cache read', or \
        fetched with an artefact. Each is computed once more in a scratch folder with the inputs that it had; for one whose \
        inputs are not here another one is drawn. \
        If the bytes are the same, that is noted, and the record counts as yours from then on; if they are not, what differs is shown as by \
        'brake diff'. Nothing that is recorded is replaced.

        Commands do with your rights what their author wants, so they are drawn only with --run-commands.

        Exit status: 0 if all that were computed made the same bytes, 1 if some did not, 2 after an error, and where something was drawn and nothing \
        of it could be compared.
        """)

    @OptionGroup var pipeline: PipelineOptions
    @OptionGroup var jobs: JobsOption
    @Option(help: ArgumentHelp("Draw with this number (default: another one each time).", valueName: "n"))
    var seed: UInt64?
    @Flag(help: "Draw stages that run commands, too.") var runCommands = false
    @Option(
      help: ArgumentHelp(
        "Fetch what is missing in the store from this place, by name or address.", valueName: "remote"))
    var from: String?
    @Option(help: ArgumentHelp("Show so many of each list of differences.", valueName: "n")) var most = 20
    @Flag(help: "Print one object, with all that differs.") var json = false
    @Argument(help: ArgumentHelp("How many actions, at most.", valueName: "n")) var count: Int
    @OptionGroup var given: Targets

    func validate() throws {
      if count < 1 { throw ValidationError("brake audit takes a number of at least 1, not \(count)") }
      if most < 1 { throw ValidationError("--most takes a number of at least 1, not \(most)") }
    }

    func run() async throws {
      let places = jobs.places()
      let from = from
      let engine = try pipeline.engine(
        pipeline.text(), given.overrides,
        sources: { store in
          guard let from else { return [] }
          return [RemoteStore(try RemoteNames(of: store).resolve(from).open(), scratch: store)]
        }, trust: Configuration.read().knowingSigners(), jobServer: places.server)
      var options = RunOptions()
      options.jobs = places.jobs
      let seed = seed ?? UInt64.random(in: 0...999_999_999)
      let (count, runCommands) = (count, runCommands)
      let audit = try await Overseen.run { [targets = given.targets, options] observe in
        try await engine.audit(
          targets: targets, options: options, count: count, seed: seed, runsCommands: runCommands,
          observe: observe, compare: { try RepetitionReport($0, in: engine.store) }, isSame: \.isSame)
      }
      if json {
        try Output.print(audit.json(seed: seed))
      } else {
        try Output.printRaw(audit.text(seed, most))
      }
      if audit.comparesNothing {
        throw Failure(
          .notFound,
          "nothing was compared: what the \(audit.entries.count) drawn actions read is not in the store",
          hint: from == nil
            ? "fetch it from a place that has it, with --from" : "name another place with --from")
      }
      let status = audit.entries.map(\.status).max() ?? 0
      if status != 0 { throw ExitCode(status) }
    }
  }
}

extension Audit.Entry where Report == RepetitionReport {
  fileprivate var status: Int32 {
    switch outcome {
    case .done(let report): report.isSame ? 0 : 1
    case .failed: 2
    case .leftOut: 0
    }
  }

  private var origin: String { (place.map { "from \($0), " } ?? "") + standing.words }

  fileprivate func text(_ most: Int) -> String {
    switch outcome {
    case .done(let report): "\(origin): ".visible() + report.text(most: most)
    case .failed(let error): "\(origin): \(instance) failed: \(error.headline)".visible() + "\n"
    case .leftOut(let reason): "\(origin): \(instance) was left out: \(reason)".visible() + "\n"
    }
  }

  fileprivate var json: JSON {
    var members: [String: JSON] = ["stage": .string(instance), "action": .string(key.description)]
    switch outcome {
    case .done(let report): members = report.json.object!.merging(members) { first, _ in first }
    case .failed(let error): members["error"] = .string("\(error)")
    case .leftOut(let reason): members["left_out"] = .string(reason)
    }
    members["from"] = place.map { .string($0) } ?? .null
    members["standing"] = standing.json
    return .object(members)
  }
}

extension Audit where Report == RepetitionReport {
  private var leftOut: Int { entries.count { if case .leftOut = $0.outcome { true } else { false } } }

  fileprivate var comparesNothing: Bool { !entries.isEmpty && leftOut == entries.count }

  fileprivate func text(_ seed: UInt64, _ most: Int) -> String {
    var shown = 0
    var lines = ""
    for entry in entries {
      if case .leftOut = entry.outcome {
        shown += 1
        if shown > most { continue }
      }
      lines += entry.text(most)
    }
    if shown > most { lines += "and \(shown - most) more were left out\n" }
    let same = entries.count { if case .done(let report) = $0.outcome { report.isSame } else { false } }
    lines += "\(foreign) actions of others, \(entries.count) drawn with --seed \(seed): \(same) identical"
    lines += leftOut == 0 ? "\n" : ", \(leftOut) left out\n"
    if commands > 0 { lines += "\(commands) run commands and were left out: see --run-commands\n" }
    return lines
  }

  fileprivate func json(seed: UInt64) -> JSON {
    [
      "foreign": .integer(Int64(foreign)), "seed": .integer(Int64(bitPattern: seed)),
      "commands_left_out": .integer(Int64(commands)), "drawn": .array(entries.map(\.json)),
    ]
  }
}

extension Trust.Standing {
  var json: JSON {
    switch self {
    case .own: ["who": "me"]
    case .signed(by: let name): ["who": "signed", "signer": .string(name)]
    case .notAllowed(let key): ["who": "not allowed", "key": .string(key)]
    case .notSigned: ["who": "not signed"]
    }
  }
}
