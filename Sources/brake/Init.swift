import ArgumentParser
import Artefacts
import Runs
import System

extension Brake {
  struct Init: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "init",
      abstract: "Make a small project that works.",
      discussion:
        "Writes a pipeline, a script that it calls and a .gitignore into a folder, and replaces nothing.")

    @Argument(
      help: ArgumentHelp("Where; made if it is not there (default: this folder).", valueName: "folder"),
      completion: .directory)
    var folder = "."

    func run() throws {
      let disk = LocalFileSystem()
      let paths = ExampleProject.files.map {
        (path: folder == "." ? $0.name : "\(folder)/\($0.name)", text: $0.text)
      }
      for (path, _) in paths where try disk.status(path, followingLinks: false) != nil {
        throw Failure(
          .refused, "'\(path)' is there already",
          hint: "'brake init FOLDER' makes a project in another folder; nothing was written")
      }
      if try disk.status(folder) == nil { try disk.makeFolder(folder) }
      for (path, text) in paths { try write(text, to: path, on: disk) }
      let next = folder == "." ? "brake" : "brake -C '\(folder)'"
      try Output.print(
        paths.map(\.path).joined(separator: "\n")
          + "\nnext: \(next), which runs brake.yaml and says what it made")
    }

    private func write(_ text: String, to path: String, on disk: LocalFileSystem) throws {
      let file = try disk.create(path, mode: 0o666)
      do {
        try Array(text.utf8).withUnsafeBytes { try disk.write($0, to: file, path: path) }
      } catch {
        try? disk.close(file, path: path)
        throw error
      }
      try disk.close(file, path: path)
    }
  }
}
