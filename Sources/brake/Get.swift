import ArgumentParser
import Artefacts

extension Brake {
  struct Get: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Write an artefact out of the store as a file or folder.",
      discussion: "It is complete and verified under its name, or not there at all.")

    @OptionGroup var workspace: Workspace

    @Option(
      name: .shortAndLong,
      help: ArgumentHelp(
        "Where to write it; into it, if this is a folder (default: the digest's first twelve digits).",
        valueName: "path"),
      completion: .file())
    var output: String?

    @Flag(help: "Replace a file that is there. Folders are never replaced.") var force = false
    @Argument(help: "A digest, eight or more digits of one, or a reference.") var digest: String

    func run() throws {
      try workspace.enter()
      let store = try workspace.open()
      let digest = try workspace.resolve(digest, in: store)
      var path = output ?? digest.short
      if output != nil && isFolder(path) { path += (path.hasSuffix("/") ? "" : "/") + digest.short }
      if exists(path) && !force {
        throw ArtefactError(
          .refused, "'\(path)' exists", remedy: "write elsewhere with -o PATH, or replace it with --force")
      }
      try store.restore(digest, to: path)
      try Output.print("\(digest)  \(path)")
    }
  }
}
