import Actions
import Artefacts
public import System

/// What holds a command and all that it starts together.
enum Confinement: Sendable {
  case sandbox(Sandbox)
  /// No sandbox, for this reason (none if the stage does not want one), but a guard that is this program.
  case guarded(executable: String, reason: String?)
  /// Neither: only the command's process group ends with it.
  case none(reason: String?)

  /// What the record of a command says of its sandbox.
  var doubt: Record.Doubt? {
    if weakness != nil { return .unavailable }
    if case .sandbox = self { return nil }
    return .declined
  }

  /// Where the guarantee is weaker although the stage did not ask for that: why.
  var weakness: String? {
    switch self {
    case .sandbox(let sandbox):
      sandbox.workspace == nil ? "the pipeline's folder is '/', of which nothing can be hidden" : nil
    case .guarded(_, let reason), .none(let reason): reason
    }
  }
}

/// Where commands run: the workspace that is hidden from them, and the program that can be their guard.
public struct CommandSurroundings: Sendable {
  /// The root of the pipeline.
  let workspace: String
  /// brake itself; nil where the engine is used by another program, such as a test.
  let guardExecutable: String?
  /// The tokens that commands may take to run more than one thing.
  var jobServer: JobServer?
  /// How long they have once this process is told to end; nil if their stages alone say that.
  let notice: Notice?

  public init(
    workspace: String, guardExecutable: String?, jobServer: JobServer? = nil, notice: Notice? = nil
  ) {
    self.workspace = workspace
    self.guardExecutable = guardExecutable
    self.jobServer = jobServer
    self.notice = notice
  }

  func confinement(of command: ActionCommand, _ memory: SandboxMemory) -> Confinement {
    var reason: String?
    if command.sandbox {
      switch Sandbox.found(workspace: workspace, memory: memory) {
      case .success(let sandbox): return .sandbox(sandbox)
      case .failure(let failure): reason = failure.reason
      }
    }
    return guardExecutable.map { .guarded(executable: $0, reason: reason) } ?? .none(reason: reason)
  }
}
