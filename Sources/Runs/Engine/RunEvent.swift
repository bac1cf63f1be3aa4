public import Actions
public import Artefacts

public enum RunEvent: Sendable {
  /// The number of instances to bring up to date; comes again when keys that became known add some.
  case planned(Int)
  /// Of how many nothing has changed since the last run, so that nobody looks at them.
  case unchanged(Int)
  case started(instance: String)
  case progress(instance: String, fraction: Double?, text: String)
  /// What was begun before its turn has come to nothing, or was made of what is otherwise now, and counts as not done.
  case withdrawn(instance: String)
  /// What an instance that is about to be finished has made, or was found to have made.
  case made(instance: String, key: Digest, outputs: [Record.Output])
  case finished(instance: String, outcome: Outcome, seconds: Double)
  /// Something worth a line that is no failure.
  case note(String)

  public enum Outcome: Sendable {
    case ran, hit
    case failed(PipelineError)
    /// Not run because of a failure before it.
    case skipped
  }
}
