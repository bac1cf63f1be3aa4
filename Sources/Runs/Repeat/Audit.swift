public import Actions
public import Artefacts

/// What came of computing some of what others have recorded once more.
public struct Audit<Report: Sendable>: Sendable {
  /// An action that somebody else has recorded.
  public struct Entry: Sendable {
    public let instance: String
    public let key: Digest
    public let standing: Trust.Standing
    /// Where its record came from, as far as that is known.
    public let place: String?
    public let outcome: Outcome
  }

  public enum Outcome: Sendable {
    case done(Report)
    case failed(PipelineError)
    /// It could not be computed here, and why, as a sentence without a full stop.
    case leftOut(String)
  }

  /// Actions of the targets that somebody else has recorded.
  public let foreign: Int
  /// Those of them that were not drawn from since they run commands.
  public let commands: Int
  /// In plan order: as many as were asked for, and those that were drawn and left out before so many could be computed.
  public let entries: [Entry]
}
