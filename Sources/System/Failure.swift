/// What went wrong, told so that its reader can do something about it. All modules throw this and nothing else that a user gets to
/// see: whoever knows more about it adds facts, and takes nothing away.
public struct Failure: Error, CustomStringConvertible {
  /// What kind of thing went wrong, for programs. Each module has its own.
  public struct Code: RawRepresentable, Hashable, Sendable {
    public let rawValue: String

    public init(rawValue: String) { self.rawValue = rawValue }
    public init(_ rawValue: String) { self.rawValue = rawValue }
  }

  public typealias Fact = (label: String, value: String)

  public let code: Code
  /// A sentence without a full stop. It says what is wrong, not what to do.
  public let headline: String
  /// In the order of printing: `("stage", "fit[14M]")`.
  public let facts: [Fact]
  /// What the reader can do about it, as a sentence without a full stop.
  public let hint: String?
  /// What it comes from, for programs: all that a reader needs of it stands in the headline and the facts.
  public let cause: (any Error)?

  public init(
    _ code: Code, _ headline: String, facts: [Fact] = [], hint: String? = nil, cause: (any Error)? = nil
  ) {
    self.code = code
    self.headline = headline
    self.facts = facts
    self.hint = hint
    self.cause = cause
  }

  /// What a line shows of a headline, a fact or a hint.
  static let longestLine = 1000

  /// One line each for the headline, the facts and the hint, whatever names and values they are made of.
  public var description: String {
    func line(_ text: String) -> String { text.shortened(to: Failure.longestLine).visible() }
    var lines = [line(headline)]
    let width = facts.map(\.label.count).max() ?? 0
    for fact in facts {
      let label = fact.label + String(repeating: " ", count: width - fact.label.count)
      lines.append("  \(label)  \(line(fact.value))")
    }
    if let hint { lines.append("  hint: \(line(hint))") }
    return lines.joined(separator: "\n")
  }
}

extension Failure: Equatable {
  /// Whether both tell the same.
  public static func == (first: Failure, second: Failure) -> Bool {
    first.code == second.code && first.headline == second.headline && first.hint == second.hint
      && first.facts.elementsEqual(second.facts, by: ==)
  }
}

extension Failure {
  /// The same, told with other facts.
  package func with(facts: [Fact]) -> Failure {
    Failure(code, headline, facts: facts, hint: hint, cause: cause)
  }
}

/// An error that may come from another one.
package protocol Caused: Error {
  var cause: (any Error)? { get }
}

extension Failure: Caused {
  /// The nearest of its causes that is of a type.
  package func cause<Cause: Error>(_ type: Cause.Type) -> Cause? {
    var next = cause
    while let error = next {
      if let found = error as? Cause { return found }
      next = (error as? any Caused)?.cause
    }
    return nil
  }
}

extension Failure.Code {
  /// There is no such file, object, record or reference.
  public static let notFound = Self("notFound")
  /// Something from outside that cannot be accepted: a path that leaves its folder, a size beyond the bound.
  public static let refused = Self("refused")
  /// It is there, and the system could not read it: nothing is known of its bytes.
  public static let unreadable = Self("unreadable")
  /// A text, value or file that cannot be read as what it should be.
  public static let malformed = Self("malformed")
  /// The system refused a call.
  public static let system = Self("system")
}
