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
        hint: "install bubblewrap (apt-get install bubblewrap): bwrap --ro-bind / / true has to work")
    }
    do {
      return try supplies.images.unpacked(image, threads: watcher.threads) {
        watcher.report(.init(fraction: nil, text: "unpacks the container image \(image.id.short)"))
      }
    } catch let error as Failure where error.object == nil {
      // One that is about an object is told to who can have that fetched, or made again.
      throw PipelineError(error.with(facts: error.facts + [("image", image.saved.label)]))
    }
  }

  /// The line that runs a text by the shell of the command in the image.
  ///
  /// - Parameter variables: what the command is given.
  func shellLine(_ text: String, in image: UnpackedImage, _ variables: [String: String]) throws -> [String] {
    let line = command.shell.words + [text]
    guard try image.hasScripts(disk) else {
      return [try shell(line[0], in: image, variables["PATH"] ?? image.searchPath)] + line.dropFirst()
    }
    // Apptainer reads the scripts as bash would.
    let path = image.searchPath
    guard
      let reader = try image.program("bash", in: path, disk) ?? image.program("sh", in: path, disk)
    else {
      throw PipelineError(
        "the container image has scripts for its environment, and no shell to read them",
        facts: [("scripts", ImageScripts.folder), ("looked in", path)],
        hint: "put bash or sh into the image: Apptainer itself reads them without the image's help")
    }
    // As everywhere, HOME is the image's if that says what it is.
    let isHomeGiven = command.environment["HOME"] != nil || command.passed.contains("HOME")
    let kept = variables.keys.filter { $0 != "HOME" || isHomeGiven }
    return [reader, "-c", ImageScripts(words: line.count, kept: kept).text, "brake"] + line
  }

  /// A shell, by its path in the image.
  ///
  /// - Parameter searchPath: what PATH is for the command.
  private func shell(_ name: String, in image: UnpackedImage, _ searchPath: String) throws -> String {
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
