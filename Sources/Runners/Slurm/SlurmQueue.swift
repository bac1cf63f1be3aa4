import Glibc
import Synchronization
import System

/// The jobs that one run has on a cluster: asks Slurm for all of them at once, every now and then, as long as there are any.
final class SlurmQueue: Sendable {
  /// What is known of a job.
  struct Sight: Sendable {
    /// Nil if Slurm does not know the job.
    var state: SlurmState?
    /// Since when it is that.
    var since: ContinuousClock.Instant
    /// What kept Slurm from being asked the last time; nil if nothing did.
    var trouble: String?
  }

  private struct Jobs {
    var sights: [Int: Sight] = [:]
    /// For how many actions each is watched, and by how many of these it is still wanted.
    var watchers: [Int: Int] = [:]
    var wanted: [Int: Int] = [:]
    var isAsking = false
  }

  private let jobs = Mutex(Jobs())

  /// Between two questions. A controller that is slow is asked less often.
  private static let pause = Duration.seconds(2)

  func watch(_ job: Int) {
    let isFirst = jobs.withLock { jobs in
      jobs.watchers[job, default: 0] += 1
      jobs.wanted[job, default: 0] += 1
      if jobs.sights[job] == nil {
        jobs.sights[job] = Sight(state: .waiting(reason: ""), since: .now)
      }
      defer { jobs.isAsking = true }
      return !jobs.isAsking
    }
    if isFirst { Task.detached { [self] in await ask() } }
  }

  /// - Returns: whether no action wants it any more.
  func giveUp(_ job: Int) -> Bool {
    jobs.withLock { jobs in
      jobs.wanted[job, default: 1] -= 1
      return jobs.wanted[job, default: 0] <= 0
    }
  }

  /// Whether any action wants a job.
  func isWanted(_ job: Int) -> Bool { jobs.withLock { $0.wanted[job, default: 0] > 0 } }

  /// To be called once for each `watch`, after `giveUp`.
  /// - Returns: whether nobody watches it any more.
  func forget(_ job: Int) -> Bool {
    jobs.withLock { jobs in
      jobs.watchers[job, default: 1] -= 1
      if jobs.watchers[job, default: 0] > 0 { return false }
      jobs.sights[job] = nil
      jobs.watchers[job] = nil
      jobs.wanted[job] = nil
      return true
    }
  }

  func sight(of job: Int) -> Sight? { jobs.withLock { $0.sights[job] } }

  private func ask() async {
    while true {
      let open = jobs.withLock { jobs -> [Int] in
        if jobs.sights.isEmpty { jobs.isAsking = false }
        return jobs.sights.keys.sorted()
      }
      if open.isEmpty { return }
      let start = ContinuousClock.now
      let answer = Result { try SlurmQueue.states(of: open) }
      note(answer, of: open)
      try? await Task.sleep(for: max(SlurmQueue.pause, (ContinuousClock.now - start) * 5))
    }
  }

  private func note(_ answer: Result<[Int: SlurmState], any Error>, of open: [Int]) {
    jobs.withLock { jobs in
      for job in open {
        guard var sight = jobs.sights[job] else { continue }
        switch answer {
        case .success(let states):
          sight.trouble = nil
          if states[job] != sight.state { (sight.state, sight.since) = (states[job], .now) }
        case .failure(let error):
          sight.trouble = (error as? SlurmCommands.Failed)?.complaint ?? "\(error)"
          // What is not seen does not last.
          sight.since = .now
        }
        jobs.sights[job] = sight
      }
    }
  }

  /// Asks Slurm now. Of jobs that it does not know there is no state.
  static func states(of jobs: [Int]) throws -> [Int: SlurmState] {
    let list = jobs.map(String.init).joined(separator: ",")
    let text: String
    do {
      text = try SlurmCommands.run(
        "squeue", ["--noheader", "--states=all", "--jobs=\(list)", "--format=%i|%T|%N|%r"])
    } catch let error as SlurmCommands.Failed where error.complaint.contains("Invalid job id") {
      // None of them is known any more.
      return [:]
    }
    return parse(text)
  }

  /// This user's newest job of a name; nil if Slurm knows none.
  static func number(ofJob name: String) throws -> Int? {
    let text = try SlurmCommands.run(
      "squeue", ["--noheader", "--states=all", "--user=\(geteuid())", "--name=\(name)", "--format=%i"])
    return text.split(whereSeparator: \.isWhitespace).compactMap { Int($0) }.max()
  }

  static func parse(_ text: String) -> [Int: SlurmState] {
    var states: [Int: SlurmState] = [:]
    for line in text.split(separator: "\n") {
      let parts = line.split(separator: "|", omittingEmptySubsequences: false)
      guard parts.count == 4, let job = Int(parts[0]) else { continue }
      states[job] = SlurmState(String(parts[1]), nodes: String(parts[2]), reason: String(parts[3]))
    }
    return states
  }
}
