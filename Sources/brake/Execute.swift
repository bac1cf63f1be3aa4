import ArgumentParser
import Operations
import Runs
import System

extension Brake {
  struct Execute: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "execute",
      abstract: "Execute an action that another brake has sent, and leave what comes of it where that waits.",
      discussion: """
        The jobs that 'brake run --runner slurm' submits start this. Nothing is recorded here: the brake that has sent the \
        action does that.

        Exit status: 0 if the action has made its outputs, 2 if it has failed, 128 + n if it was ended by signal n.
        """)
    @Argument(help: ArgumentHelp("The action's scratch folder.", valueName: "folder")) var folder: String

    @Option(
      help: ArgumentHelp(
        "The name of this job: nothing is done if another one does the action.", valueName: "name"))
    var job: String

    func run() async throws {
      let execution = TicketExecution(
        folder: folder, job: job, registry: .builtIn, guardExecutable: "/proc/self/exe")
      do {
        let isMade = try await Interruption.cancelling { try await execution.run() }
        if !isMade { throw ExitCode(2) }
      } catch let interruption as Interruption {
        throw ExitCode(128 + interruption.signal)
      }
    }
  }
}
