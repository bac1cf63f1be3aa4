import Actions
import ArgumentParser
import Artefacts
import JSON
import Pipeline
import Runs
import System

extension Brake {
  struct Runs: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "runs",
      abstract: "List past runs with their parameters, so that a variant can be found again.",
      discussion: """
        The newest comes last. Each line starts with the name of the run, which is the time (UTC) when it started, and \
        ends with the command that repeats it: what it made is still in the store, and 'brake cat STAGE NAME=VALUE' finds \
        it. 'brake runs show RUN' says all that is known of one, named by the beginning of its name, 'last' or 'last~1', \
        and 'brake compare RUN RUN' what differs between several. With targets or parameters: only runs that had these, parameters that \
        were left at their defaults included. The newest thousand runs that had anything to look up are known.
        """)

    @OptionGroup var workspace: Workspace
    @Option(help: ArgumentHelp("So many of the newest; 0 for all.", valueName: "n")) var last = 20
    @Flag(help: "Print an array of objects, with all parameters and the digests of what was made.") var json =
      false
    @OptionGroup var given: Targets

    func validate() throws {
      if last < 0 { throw ValidationError("--last takes a number of at least 0, not \(last)") }
      if isShow && given.arguments.count != 2 {
        throw ValidationError("'runs show' takes one run, not \(given.arguments.count - 1)")
      }
    }

    private var isShow: Bool { given.arguments.first == "show" }

    func run() throws {
      try workspace.enter()
      let store = try workspace.open()
      if isShow { return try show(RunJournal(store: store).run(given.arguments[1])) }
      let all = RunJournal(store: store).runs()
      let names = Dictionary(uniqueKeysWithValues: zip(all.map(\.identifier), RunJournal.shortNames(of: all)))
      var runs = all.filter { run in
        given.targets.allSatisfy(run.targets.contains)
          && given.overrides.allSatisfy { run.parameters[$0.name].map(text) == $0.value }
      }
      if last > 0 { runs = Array(runs.suffix(last)) }
      if json { return try Output.print(.array(runs.map(\.json))) }
      var table = Table(.left, .left, .right, .right, .left)
      for run in runs {
        table.add(
          names[run.identifier] ?? run.identifier, run.outcome,
          "\(run.ran) of \(run.planned) ran", duration(run.seconds), command(run))
      }
      if !table.isEmpty { try Output.print(table.text()) }
    }

    /// All that is known of a run.
    private func show(_ run: RunNote) throws {
      if json { return try Output.print(run.json) }
      var table = Table(.left, .left)
      table.add("run", run.identifier)
      table.add("started", run.started.replacing("T", with: " ").replacing("Z", with: " UTC"))
      table.add("outcome", "\(run.outcome), \(run.ran) of \(run.planned) ran, \(run.failed) failed")
      table.add("took", duration(run.seconds))
      table.add("where", "\(run.folder) on \(run.host)")
      table.add("command", command(run))
      for (name, value) in run.parameters.sorted(by: { $0.key < $1.key }) {
        table.add("parameter", "\(name) = \(text(value))")
      }
      for (name, digest) in RunComparison.made(by: run).sorted(by: { $0.key < $1.key }) {
        table.add("made", "\(name)  \(digest)")
      }
      try Output.print(table.text())
    }

    private func text(_ value: JSON) -> String { value.string ?? value.canonical }

    private func command(_ run: RunNote) -> String {
      let file =
        ["brake.yaml", "pipelines/deceleration.yaml"].contains(run.pipeline) ? [] : ["-f", run.pipeline]
      let words = file + run.targets + run.overrides.map { "\($0.name)=\($0.value)" }
      return (["brake", "run"] + words.map(ShellText.word)).joined(separator: " ")
    }
  }
}
