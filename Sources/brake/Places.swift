import Actions
import ArgumentParser
import Glibc
import Runs
import System

/// `-j`: how many stages run at once.
struct JobsOption: ParsableArguments {
  @Option(
    name: [.customShort("j", allowingJoined: true), .long],
    help: ArgumentHelp(
      "Stages at once (default: what make allows if it has called brake, else one for each processor).",
      valueName: "n"))
  var jobs: Int?

  func validate() throws {
    if let jobs, jobs < 1 { throw ValidationError("-j takes a number of at least 1, not \(jobs)") }
  }

  /// Where the right to run beside another stage comes from.
  func places() -> Places { Places(jobs: jobs) }
}

/// How much runs at once, and whose tokens limit that: those of the make that has called brake, or else brake's own, which the
/// commands of stages share.
struct Places {
  /// As for `RunOptions`.
  let jobs: Int
  let server: JobServer?

  /// Jobs of a cluster, which take no tokens of this machine.
  init(onCluster jobs: Int) {
    self.jobs = jobs
    server = nil
  }

  /// - Parameter jobs: what was asked for, which is more than make's word.
  init(jobs: Int?) {
    let flags = getenv("MAKEFLAGS").map { String(cString: $0) }
    do {
      if jobs == nil,
        let server = try JobServer.inherited(makeFlags: flags, keeperExecutable: "/proc/self/exe")
      {
        self.jobs = server.jobs ?? 0
        self.server = server
        return
      }
    } catch {
      Output.note("warning: \(error.reason)" + (error.hint.map { "\n  hint: \($0)" } ?? ""))
      self.jobs = 1
      server = nil
      return
    }
    let wanted = jobs ?? (JobServer.isSerial(makeFlags: flags) ? 1 : nil)
    self.jobs = wanted ?? 0
    server = JobServer(jobs: wanted ?? Engine.defaultJobs)
  }
}
