package import Actions

extension PipelineError {
  /// The error of a stage instance, told with the facts that its reader needs.
  package init(wrapping error: any Error, in instance: StageInstance) {
    let work =
      switch instance.work {
      case .operation(let operation, _): PipelineError.fact(operation: operation.name)
      case .command(let command): PipelineError.fact(command: command.text)
      }
    self.init(wrapping: error, in: instance.name, work, at: instance.position)
  }
}
