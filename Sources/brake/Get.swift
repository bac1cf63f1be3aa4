import Actions
import ArgumentParser
import Artefacts
import Remotes
import Runs
import System

extension Brake {
  struct Get: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "get",
      abstract: "Write an artefact out of the store as a file or folder.",
      discussion: """
        It is complete and verified under its name, or not there at all. A line that 'brake share' printed is fetched from \
        where it says first. \(ArtefactArguments.help)
        """
    )

    @OptionGroup var pipeline: PipelineOptions

    @Option(
      name: [.customShort("o", allowingJoined: true), .long],
      help: ArgumentHelp(
        "Where to write it; into it, if this is a folder (default: the digest's first twelve digits).",
        valueName: "path"),
      completion: .file())
    var output: String?

    @Flag(help: "Replace a file that is there. Folders are never replaced.") var force = false
    @OptionGroup var given: ArtefactArguments

    func validate() throws { _ = try given.one() }

    func run() async throws {
      try pipeline.workspace.enter()
      let (store, digest) = try await found(given.one())
      var path = output ?? digest.short
      if output != nil && isFolder(path) { path += (path.hasSuffix("/") ? "" : "/") + digest.short }
      if exists(path) && !force {
        throw Failure(
          .refused, "'\(path)' exists", hint: "write elsewhere with -o PATH, or replace it with --force")
      }
      if exists(path), !isFolder(path), !isRegularFile(path) {
        throw Failure(
          .refused, "'\(path)' is a pipe, socket or device, which nothing replaces",
          hint: "write elsewhere with -o PATH, or use 'brake cat' and the shell")
      }
      try store.restore(digest, to: path)
      try Output.print("\(digest)  \(path.visible())")
    }

    /// Where an artefact is, once it is there.
    private func found(_ name: String) async throws -> (Store, Digest) {
      guard ShareLine.isMeant(by: name) else {
        let store = try pipeline.workspace.open()
        return (store, try await given.resolver(pipeline, in: store).one(name).digest)
      }
      let line = try ShareLine.ofWhole(name)
      let store = try pipeline.workspace.open(creating: true)
      let address = try line.from ?? RemoteNames(of: store).resolve(nil)
      return (store, try await Fetching(address, into: store).fetch(line, withLineage: true).artefact.digest)
    }
  }
}
