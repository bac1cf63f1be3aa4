public import Actions
public import Artefacts
import System

/// Runs operations in this process and commands as its children.
public struct LocalRunner: Runner {
  private let store: Store
  private let surroundings: CommandSurroundings
  private let supplies: CommandSupplies

  public init(store: Store, surroundings: CommandSurroundings) {
    self.init(store: store, surroundings: surroundings, supplies: CommandSupplies(store: store))
  }

  init(store: Store, surroundings: CommandSurroundings, supplies: CommandSupplies) {
    self.store = store
    self.surroundings = surroundings
    self.supplies = supplies
  }

  public func capacity(places: Int) -> Capacity {
    .ofMachine(places: places, gpus: supplies.graphics.all.count)
  }

  public func graphicsAtOnce(for action: Action) -> GraphicsShare? {
    supplies.count(for: action).map(supplies.graphics.takeAtOnce) ?? supplies.givenGraphics
  }

  public func graphics(
    for action: Action, while isWanted: @Sendable () -> Bool, tell: @Sendable () -> Void
  ) async -> GraphicsShare? {
    guard let count = supplies.count(for: action) else { return supplies.givenGraphics }
    return await supplies.graphics.take(count, while: isWanted, tell: tell)
  }

  public func run(_ action: Action, _ watcher: ActionWatcher) async throws -> ActionResult {
    try await run(action, watcher, in: Scratch(in: store))
  }

  /// The same in a scratch folder that is there.
  public func run(_ action: Action, _ watcher: ActionWatcher, in scratch: Scratch) async throws
    -> ActionResult
  {
    watcher.prints(scratch.log)
    do {
      return ActionResult(outputs: try await outputs(of: action, in: scratch, watcher), scratch: scratch)
    } catch {
      throw ActionFailure(error, in: scratch)
    }
  }

  private func outputs(
    of action: Action, in scratch: Scratch, _ watcher: ActionWatcher
  ) async throws -> [OutputFile] {
    switch action.work {
    case .operation(let operation, let parameters):
      let inputs = action.inputs.map { ($0.name, $0.members.map { InputArtefact($0, in: store) }) }
      let context = OperationContext(
        operation: operation, parameters: parameters, inputs: Dictionary(uniqueKeysWithValues: inputs),
        folder: scratch.path, files: scratch.files, marks: action.marks, threads: watcher.threads,
        report: watcher.report)
      try await operation.run(context)
      return try written(context.written, of: action)
    case .command(let command):
      let memory = SandboxMemory(store: store)
      let confinement = surroundings.confinement(of: command, memory)
      do {
        return try await CommandRun(
          action: action, command: command, scratch: scratch, store: store, confinement: confinement,
          jobServer: surroundings.jobServer, supplies: supplies, watcher: watcher, notice: surroundings.notice
        ).run()
      } catch {
        if case .sandbox = confinement, Sandbox.hasFailed(scratch) { memory.forget() }
        throw error
      }
    }
  }

  /// Every declared output was written, in the order of the declarations.
  private func written(_ files: [OutputFile], of action: Action) throws -> [OutputFile] {
    try action.outputs.flatMap { declaration in
      let written = files.filter { $0.name == declaration.name }
      if written.isEmpty && !declaration.keyed {
        throw PipelineError("the output '\(declaration.name)' was not written")
      }
      return written
    }
  }
}
