internal import Glibc

/// How long a scheduler lets what runs in a job save its work, once it has said by a signal that the job is to end.
public struct Notice: Sendable {
  /// Behind SIGUSR1, which comes where it was asked for; nil if nobody here knows how long before the end.
  private let granted: Duration?

  /// What a command has behind SIGUSR1, also if it wants less.
  public static let usualGrace = Duration.seconds(60)
  /// What it has behind SIGTERM at most. Slurm sends SIGKILL 30 s later (`KillWait`), if the site says nothing else, and then it is too
  /// late for an answer.
  private static let suddenGrace = Duration.seconds(20)

  public init(granted: Duration?) { self.granted = granted }

  /// - Parameter wanted: how long the command wants to have.
  func grace(_ wanted: Duration, behind signal: Int32) -> Duration {
    guard signal == SIGUSR1 else { return min(wanted, Notice.suddenGrace) }
    return granted.map { min(max(wanted, Notice.usualGrace), $0) } ?? wanted
  }
}
