import Glibc
import System

/// Slurm's programs, none of which is waited for longer than it should take: they hang where the controller does not answer.
enum SlurmCommands {
  /// How long one may take.
  static let limit = Duration.seconds(30)

  struct Failed: Error {
    let program: String
    /// What it printed.
    let complaint: String

    /// Whether it is Slurm that cannot be reached at this moment, or has no room, so that the same may go well later.
    var isPassing: Bool {
      let signs = [
        "unable to contact slurm controller", "socket timed out", "timed out", "connection refused",
        "zero bytes were transmitted", "transport endpoint", "temporarily", "standby mode", "connect failure",
        "communication connection failure", "did not answer", "job submit limit", "submit limit",
        "slurmdbd", "unable to connect",
      ]
      let text = complaint.lowercased()
      return signs.contains(where: text.contains)
    }
  }

  /// - Returns: what it printed.
  /// - Throws: `Failed`, or a `Failure` where it is not installed.
  static func run(_ program: String, _ arguments: [String], input: [UInt8] = []) throws -> String {
    let filter = FilterProgram(program, arguments: arguments, variables: OwnEnvironment.variables)
    do {
      let result = try filter.run(input, limit: 64 << 20, within: limit)
      guard result.ending == .exited(0) else {
        throw Failed(program: program, complaint: result.complaint)
      }
      return String(decoding: result.output, as: UTF8.self)
    } catch FilterProgram.Failure.notInstalled {
      throw Failure(
        .notFound, "there is no program '\(program)' in PATH",
        hint:
          "run brake where Slurm's programs are installed, such as a login node of the cluster, or with --runner local"
      )
    } catch FilterProgram.Failure.tooSlow {
      throw Failed(
        program: program, complaint: "\(program) did not answer within \(limit.components.seconds) s")
    }
  }
}
