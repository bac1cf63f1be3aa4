internal import Artefacts
internal import Glibc
import System

/// What is wrong with a pipeline, a target or a stage. Printed as a headline, aligned facts and a hint.
public struct PipelineError: Error, CustomStringConvertible {
  public let headline: String
  /// Where it stands in a pipeline file, if it stands there.
  public let position: Position?
  /// Label and value, in the order of printing: `("stage", "fit[14M]")`.
  public let facts: [(label: String, value: String)]
  public let hint: String?

  public init(
    _ headline: String, at position: Position? = nil, facts: [(label: String, value: String)] = [],
    hint: String? = nil
  ) {
    self.headline = headline
    self.position = position
    self.facts = facts
    self.hint = hint
  }

  /// The system call that has just failed: `cannot VERB PATH: No space left on device`, and what can be done about it.
  public init(system verb: String, _ path: String) {
    let error = Failure.system(verb, path, errno)
    self.init(error.headline, hint: error.hint)
  }

  public var description: String {
    // Each part is one line, whatever names it is made of.
    var lines = [(position.map { "\($0): " } ?? "").visible() + "error: " + headline.visible()]
    let width = facts.map(\.label.count).max() ?? 0
    for fact in facts {
      let label = fact.label + String(repeating: " ", count: width - fact.label.count)
      lines.append("  \(label)  \(fact.value.visible())")
    }
    if let hint { lines.append("  hint: \(hint.visible())") }
    return lines.joined(separator: "\n")
  }
}
