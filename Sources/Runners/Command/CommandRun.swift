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
  let jobServer: JobServer?
  let supplies: CommandSupplies
  let watcher: ActionWatcher
  /// How long it has once this process is told to end; nil if its stage alone says that.
  let notice: Notice?

  var disk: any FileSystem { scratch.files }
  var notes: ActionNotes { watcher.notes }

  func run() async throws -> [OutputFile] {
    if command.image == nil, let weakness = confinement.weakness {
      notes.add("commands can read files that they do not declare, which nobody notices: \(weakness)")
    }
    if let doubt = confinement.doubt { notes.add(doubt) }
    let image = try unpackedImage()
    try makeOutputFolders()
    let inputs = try placeInputs()
    defer { withExtendedLifetime(inputs) {} }
    let resume = watcher.resume()
    var growing = GrowingOutputs(action, command, folder: scratch.work, files: disk)
    if let resume, command.resumes {
      for place in try placeKept(resume) { growing.passOver(place) }
    }
    try await execute(command.text, inputs, image, resume: resume, growing: growing)
    try reportUndeclared()
    return try collect()
  }

  /// Nil where they are copies that are the command's own, since nothing would protect others.
  private func placeInputs() throws -> MountedInputs? {
    if case .sandbox = confinement { return try MountedInputs(of: self) }
    try copyInputs()
    return nil
  }
}
