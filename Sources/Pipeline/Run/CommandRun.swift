import Artefacts

/// One execution of a `run:` stage: lays out its folder, runs the shell, collects what it left.
struct CommandRun: Sendable {
  let action: Action
  let command: ShellCommand
  let scratch: Scratch
  let store: Store

  func run() async throws -> [OutputFile] {
    try layOut()
    try await execute(try expanded())
    try refuseUndeclared()
    return try action.instance.outputs.flatMap(collect)
  }
}
