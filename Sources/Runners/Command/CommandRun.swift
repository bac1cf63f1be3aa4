import Actions
import Artefacts
import System

/// One execution of a `run:` stage: lays out its folder, runs the shell, collects what it left.
struct CommandRun: Sendable {
  let action: Action
  let command: ActionCommand
  let scratch: Scratch
  let store: Store
  let confinement: Confinement
  let notes: ActionNotes
  let jobServer: JobServer?

  var disk: any FileSystem { scratch.files }

  func run() async throws -> [OutputFile] {
    if let weakness = confinement.weakness {
      notes.add("commands can read files that they do not declare, which nobody notices: \(weakness)")
    }
    try layOut()
    try await execute(command.text)
    try reportUndeclared()
    return try collect()
  }
}
