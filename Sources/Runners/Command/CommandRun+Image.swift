import Actions
import Artefacts
import System

extension CommandRun {
  /// The image in which the command runs, unpacked; nil if it runs with the machine's own programs.
  func unpackedImage() throws -> UnpackedImage? {
    guard let image = command.image else { return nil }
    switch confinement {
    case .sandbox: break
    case .guarded(_, let reason), .none(let reason):
      throw PipelineError(
        "a command with a container image runs in a sandbox, and there is none here",
        facts: reason.map { [("reason", $0)] } ?? [],
        hint:
          "the image takes the place of the machine's files by bubblewrap, which needs no other program and no rights"
      )
    }
    do {
      return try supplies.images.unpacked(image) {
        watcher.report(.init(fraction: nil, text: "unpacks the container image \(image.id.short)"))
      }
    } catch let error as Failure where error.object == nil {
      // One that is about an object is told to who can have that fetched, or made again.
      throw PipelineError(error.with(facts: error.facts + [("image", image.saved.label)]))
    }
  }

  /// What a command in an image sees of the environment, beside what the image itself wants: nothing of the user's own that would lead to
  /// files that are not there.
  func isOfMachine(_ name: String) -> Bool { ["PATH", "HOME", "SHELL"].contains(name) }

  /// The shell, by its path in the image.
  func shell(in image: UnpackedImage) throws -> String {
    let name = command.shell.program
    let searchPath = command.environment["PATH"] ?? image.searchPath
    if let path = try image.program(name, in: searchPath, disk) { return path }
    throw PipelineError(
      "the shell '\(name)' is not in the container image", facts: [("looked in", searchPath)],
      hint: command.shell == .bash
        ? "commands run under bash: name a shell that the image has, such as shell: sh -eu"
        : "name one that the image has, or put this one into it")
  }
}

extension ActionInput.Member {
  /// For messages: its path, or its digest.
  fileprivate var label: String {
    if case .workspace(let name, _) = origin { name } else { artefact.digest.description }
  }
}
