import JSON
package import System

extension PipelineError {
  /// Any error, with all that it says.
  package init(wrapping error: any Error) {
    switch error {
    case let error as PipelineError: self = error
    case let error as Failure: self.init(error)
    case let error as ParameterError:
      self.init(
        Failure(
          .parameter, error.description, facts: error.cause?.facts ?? [], hint: error.cause?.hint,
          cause: error))
    default: self.init(Failure(.unknown, String(describing: error), cause: error))
    }
  }

  /// The error of an action, told with the facts that its reader needs.
  package init(wrapping error: any Error, in action: Action) {
    let work: Failure.Fact =
      switch action.work {
      case .operation(let operation, _): PipelineError.fact(operation: operation.name)
      case .command: PipelineError.fact(command: action.manifest["command"]?.string ?? "")
      }
    self.init(wrapping: error, in: action.name, work, at: action.position)
  }

  /// The error of a stage instance with this name.
  package init(wrapping error: any Error, in name: String, _ work: Failure.Fact, at position: Position) {
    let inner = PipelineError(wrapping: error)
    var facts: [Failure.Fact] = [("stage", name), work]
    facts += inner.facts.filter { fact in !facts.contains { $0.label == fact.label } }
    self.init(inner.failure.with(facts: facts), at: inner.position ?? position)
  }

  package static func fact(operation: String) -> Failure.Fact { ("operation", operation) }

  /// The first line of a command.
  package static func fact(command: String) -> Failure.Fact {
    let line = command.split(separator: "\n").first.map(String.init) ?? ""
    return ("command", line.count > 70 ? line.prefix(70) + "…" : line)
  }
}
