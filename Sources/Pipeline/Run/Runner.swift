import Artefacts

/// How an action is executed: in this process and its children now, on a cluster perhaps.
protocol Runner: Sendable {
  /// Leaves the outputs in the scratch folder and says where. What the action printed is in `scratch.log`.
  func run(
    _ action: Action, in scratch: Scratch, threads: Int, notes: ActionNotes,
    report: @escaping @Sendable (OperationContext.Progress) -> Void
  ) async throws -> [OutputFile]
}

/// Runs operations in this process and commands as its children.
struct LocalRunner: Runner {
  let store: Store
  let surroundings: CommandSurroundings

  func run(
    _ action: Action, in scratch: Scratch, threads: Int, notes: ActionNotes,
    report: @escaping @Sendable (OperationContext.Progress) -> Void
  ) async throws -> [OutputFile] {
    switch action.instance.work {
    case .operation(let operation, let parameters):
      let inputs = action.inputs.map { input in
        (
          input.name,
          input.members.map { InputArtefact($0.artefact, key: $0.key, origin: $0.origin, store: store) }
        )
      }
      let context = OperationContext(
        operation: operation, parameters: parameters, inputs: Dictionary(uniqueKeysWithValues: inputs),
        folder: scratch.path, files: scratch.files, threads: threads, report: report)
      try await operation.run(context)
      return try check(context.written, of: action.instance)
    case .command(let command):
      return try await CommandRun(
        action: action, command: command, scratch: scratch, store: store,
        confinement: surroundings.confinement(of: command), notes: notes, jobServer: surroundings.jobServer
      ).run()
    }
  }

  /// Every declared output was written, in the order of the declarations.
  private func check(_ files: [OutputFile], of instance: StageInstance) throws -> [OutputFile] {
    try instance.outputs.flatMap { declaration in
      let written = files.filter { $0.name == declaration.name }
      if written.isEmpty && !declaration.keyed {
        throw PipelineError("the output '\(declaration.name)' was not written")
      }
      return written
    }
  }
}
