import ArgumentParser
import Artefacts
import Glibc
import JSON
import System

extension Brake {
  struct Attach: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "attach",
      abstract: "Show what a run prints that was started with 'brake run --detach', and wait for its end.",
      discussion: """
        Ctrl-C ends the showing, and the run goes on. What a run leaves that was killed is not lost: the next 'brake run' goes on from \
        there, also with its jobs on a cluster.

        Exit status: that of the run, or 128 + n if the showing was ended by signal n.
        """)

    @OptionGroup var workspace: Workspace
    @Flag(help: "List the runs, and show none.") var list = false
    @Flag(help: "Ask the run to end, as Ctrl-C would have done.") var interrupt = false
    @Flag(help: "With --list: print an array of objects.") var json = false
    @Argument(
      help: ArgumentHelp("The run (default: the newest that goes on, or else the newest).", valueName: "run"))
    var name: String?

    func validate() throws {
      if json, !list { throw ValidationError("--json goes with --list") }
      if list, interrupt { throw ValidationError("--list and --interrupt exclude each other") }
    }

    func run() async throws {
      try workspace.enter()
      let runs = try DetachedRun.all(in: workspace.open())
      if list { return try printAll(runs) }
      let run = try chosen(runs)
      if interrupt, !run.interrupt() {
        throw Failure(.refused, "the run \(run.name) does not go on, on this machine")
      }
      do {
        let status = try await Interruption.cancelling { try await Attach.follow(run) }
        if status != 0 { throw ExitCode(status) }
      } catch let interruption as Interruption {
        Output.note("the run goes on; 'brake attach --interrupt \(run.name)' ends it")
        throw ExitCode(128 + interruption.signal)
      }
    }

    private func chosen(_ runs: [DetachedRun]) throws -> DetachedRun {
      if let name {
        if let run = runs.first(where: { $0.name == name }) { return run }
        throw Failure(.notFound, "there is no run '\(name)'", hint: "'brake attach --list' lists them")
      }
      guard let run = runs.last(where: { $0.state == .running }) ?? runs.last else {
        throw Failure(
          .notFound, "no run was started with --detach",
          hint: "'brake run --detach' starts one; 'brake runs' lists all runs")
      }
      return run
    }

    private func printAll(_ runs: [DetachedRun]) throws {
      if json {
        return try Output.print(
          .array(
            runs.map {
              ["name": .string($0.name), "state": .string($0.state.text), "log": .string($0.log)]
            }))
      }
      var table = Table(.left, .left)
      for run in runs { table.add(run.name, run.state.text) }
      if !table.isEmpty { try Output.print(table.text()) }
    }

    /// Prints what the run has printed and prints, until it has ended.
    /// - Returns: its exit status.
    private static func follow(_ run: DetachedRun) async throws -> Int32 {
      let files = LocalFileSystem()
      var (place, writer) = (0, LogWriter())
      while true {
        // Before the rest is read, so that the last words are not missed.
        let state = run.state
        let log = try InputFile(run.log, files: files)
        place = try log.forEachPiece(from: place) { try writer.write($0) }
        switch state {
        case .ended(let status):
          try writer.end()
          return status
        case .lost:
          throw Failure(
            .refused, "the run \(run.name) was killed, or its machine was restarted",
            hint: "'brake run' goes on from what it has done")
        case .running, .elsewhere: try await Task.sleep(for: .milliseconds(200))
        }
      }
    }
  }
}

extension DetachedRun.State {
  fileprivate var text: String {
    switch self {
    case .running: "goes on"
    case .ended(0): "done"
    case .ended(let status): "ended with status \(status)"
    case .lost: "was killed"
    case .elsewhere(let host): "runs on \(host), if it was not killed"
    }
  }
}
