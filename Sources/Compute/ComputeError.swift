/// What is wrong with the input of a computation, and how to mend it.
public struct ComputeError: Error, Hashable, CustomStringConvertible {
  public enum Code: String, Sendable {
    /// A text or value that cannot be read as what it should be.
    case malformed
    /// Columns that are missing or can be read in more than one way.
    case columns
    /// A curve that is well formed, but of which the asked-for analysis is not defined: too short, or flat.
    case unusable
    /// Something that is well formed, of a kind that is not implemented.
    case unsupported
  }

  public let code: Code
  public let message: String
  /// What the reader can do about it, as a sentence without a full stop.
  public let remedy: String?

  public init(_ code: Code, _ message: String, remedy: String? = nil) {
    self.code = code
    self.message = message
    self.remedy = remedy
  }

  public var description: String { remedy.map { "\(message)\n  hint: \($0)" } ?? message }
}
