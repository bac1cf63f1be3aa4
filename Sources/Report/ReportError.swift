/// Why a figure, a table or a page cannot be made, and how to mend it.
public struct ReportError: Error, CustomStringConvertible {
  public enum Code: String, Sendable {
    /// gnuplot is not installed.
    case missingTool
    /// gnuplot failed, or did not end in time.
    case drawing
    /// An input that is not what its operation declares.
    case malformed
    /// A number that cannot be drawn: not finite, or not positive where an axis is logarithmic.
    case undrawable
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
