import ArgumentParser
import Glibc
import Operations
import Runners
import Runs
import System

extension Brake {
  struct Execute: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "execute",
      abstract: "Execute actions that another brake has sent, and leave what comes of them where that waits.",
      discussion: """
        The jobs that 'brake run --runner slurm' submits start this. Nothing is recorded here: the brake that has sent the \
        action does that.

        Exit status: 0 if all have made their outputs, 2 if one has failed, 128 + n if it was ended by signal n.
        """)
    @Argument(
      help: ArgumentHelp(
        "The actions' scratch folders. One action is executed after the other.", valueName: "folder"))
    var folders: [String]

    @Option(
      help: ArgumentHelp(
        "The name of this job: nothing is done if another one does the action.", valueName: "name"))
    var job: String

    @Option(
      help: ArgumentHelp(
        "How long commands have to save their work after SIGUSR1, in seconds, whatever their stages say.",
        valueName: "seconds"))
    var grace: Int?

    func run() async throws {
      let number = getenv("SLURM_JOB_ID").map { String(cString: $0) }
      let executions = folders.map {
        TicketExecution(
          folder: $0, job: job, number: number, notice: Notice(granted: grace.map { .seconds($0) }),
          registry: .builtIn, guardExecutable: "/proc/self/exe")
      }
      do {
        let isMade = try await Interruption.cancelling { try await Execute.run(executions) }
        if !isMade { throw ExitCode(2) }
      } catch let interruption as Interruption {
        throw ExitCode(128 + interruption.signal)
      }
    }

    /// - Returns: whether all have made their outputs.
    private static func run(_ executions: [TicketExecution]) async throws -> Bool {
      var isMade = true
      for execution in executions {
        if Task.isCancelled {
          try execution.passOver()
        } else if executions.count == 1 {
          return try await execution.run()
        } else if execution.isWaitedFor {
          // The others are still to be done.
          do { isMade = try await execution.run() && isMade } catch {
            Output.note("error: \(error)")
            isMade = false
          }
        }
      }
      return isMade
    }
  }
}
