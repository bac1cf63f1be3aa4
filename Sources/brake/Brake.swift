import Actions
import ArgumentParser
import Glibc
import Pipeline
import Runners
import Runs
import System

@main struct Brake: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "brake",
    abstract: "A make for training-dynamics research.",
    discussion: """
      Runs pipelines whose every product is an immutable artefact, named by the SHA-256 of its bytes and kept in a \
      store. Change one input and only what depends on it runs again. 'brake' alone is 'brake run', and \
      'brake TARGET NAME=VALUE' is 'brake run TARGET NAME=VALUE'. Options of a subcommand may stand before it: \
      'brake -f FILE log' is 'brake log -f FILE'.

      Exit status: 0, 1 (run -q: something is out of date; diff, rebuild, reproduce, audit, run --check-determinism: something differs), 2 (an error), 128 + n (ended by signal n).
      """,
    version: brakeVersion,
    groupedSubcommands: [
      CommandGroup(
        name: "Pipeline",
        subcommands: [
          Run.self, Rebuild.self, Status.self, Why.self, Log.self, Attach.self, Runs.self, Compare.self,
          Graph.self,
          Lint.self, Schema.self, Init.self, Operations.self, Doctor.self,
        ]),
      CommandGroup(
        name: "Artefact",
        subcommands: [
          Put.self, Get.self, Cat.self, Show.self, Diff.self, List.self, Ref.self, Refs.self, Unref.self,
          Provenance.self, Verify.self, Repack.self,
          Scrub.self,
        ]),
      CommandGroup(
        name: "Keeping", subcommands: [Usage.self, Pin.self, Unpin.self, Remove.self, Collect.self]),
      CommandGroup(
        name: "Sharing",
        subcommands: [
          Share.self, Unshare.self, Push.self, Pull.self, Bundle.self, Reproduce.self, Clone.self, Sign.self,
          Audit.self,
          Remote.self,
          ServeStore.self, Execute.self,
        ]),
      CommandGroup(name: "Analysis", subcommands: [Fit.self]),
      CommandGroup(name: "Help", subcommands: [Manual.self]),
    ],
    defaultSubcommand: Run.self)

  static var _errorPrefix: String { "error: " }

  /// Makes no thread before a command needs one: what is answered at once takes a few milliseconds.
  static func main() {
    CommandGuard.runIfAsked()
    TokenKeeper.runIfAsked()
    DetachedRun.runIfAsked()
    do {
      let arguments = Array(CommandLine.arguments.dropFirst())
      if let run = Run(plain: arguments) { return try run.run() }
      var command = try parseAsRoot(LeadingOptions(for: arguments).moved(arguments))
      if let command = command as? any AsyncParsableCommand {
        // Nobody else has it. The main thread waits, and so may nothing be left to it.
        nonisolated(unsafe) let alone = command
        try waiting {
          var command = alone
          try await command.run()
        }
      } else {
        try command.run()
      }
    } catch {
      leave(with: error)
    }
  }

  /// Ends the process: help and version on the standard output, errors on the standard error output with status 2.
  private static func leave(with error: any Error) -> Never {
    let code = exitCode(for: error)
    if code == .success {
      do { try Output.print(fullMessage(for: error)) } catch { leave(with: error) }
    } else if let code = error as? ExitCode {
      Glibc.exit(code.rawValue)
    } else if code == .validationFailure {
      Output.note(fullMessage(for: error))
    } else if let error = error as? PipelineError {
      Output.note("\(error)")
    } else {
      Output.note("error: \(error)")
    }
    Glibc.exit(code == .success ? 0 : 2)
  }
}
