import Synchronization

/// What holds a command and all that it starts together.
enum Confinement: Sendable {
  case sandbox(Sandbox)
  /// No sandbox, for this reason (none if the stage does not want one), but a guard that is this program.
  case guarded(executable: String, reason: String?)
  /// Neither: only the command's process group ends with it.
  case none(reason: String?)

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
struct CommandSurroundings: Sendable {
  /// The root of the pipeline.
  let workspace: String
  /// brake itself; nil where the engine is used by another program, such as a test.
  let guardExecutable: String?
  /// The tokens that commands may take to run more than one thing.
  var jobServer: JobServer?

  func confinement(of command: ShellCommand) -> Confinement {
    var reason: String?
    if command.sandbox {
      switch Sandbox.found(workspace: workspace) {
      case .success(let sandbox): return .sandbox(sandbox)
      case .failure(let failure): reason = failure.reason
      }
    }
    return guardExecutable.map { .guarded(executable: $0, reason: reason) } ?? .none(reason: reason)
  }
}

/// Remarks about an action that are no errors, collected while it runs.
final class ActionNotes: Sendable {
  private let texts = Mutex<[String]>([])

  func add(_ text: String) { texts.withLock { $0.append(text) } }
  var all: [String] { texts.withLock { $0 } }
}
