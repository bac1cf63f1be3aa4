import System
import System

extension PipelineError {
  /// The error of a stage, told with the facts that its reader needs.
  init(wrapping error: any Error, in instance: StageInstance) {
    let inner = PipelineError(wrapping: error)
    var facts: [(label: String, value: String)] = [("stage", instance.name)]
    switch instance.work {
    case .operation(let operation, _): facts.append(("operation", operation.name))
    case .command(let command):
      let line = command.text.split(separator: "\n").first.map(String.init) ?? ""
      facts.append(("command", line.count > 70 ? line.prefix(70) + "…" : line))
    }
    facts += inner.facts.filter { fact in !facts.contains { $0.label == fact.label } }
    self.init(inner.failure.with(facts: facts), at: inner.position ?? instance.position)
  }

  /// Any error, with all that it says.
  init(wrapping error: any Error) {
    switch error {
    case let error as PipelineError: self = error
    case let error as Failure: self.init(error)
    case let error as ParameterError: self.init(Failure(.parameter, error.description, cause: error))
    default: self.init(Failure(.unknown, String(describing: error), cause: error))
    }
  }
}
