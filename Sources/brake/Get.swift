import Actions
import ArgumentParser
import Artefacts
import JSON
import Remotes
import Runs
import Safetensors
import System

extension Brake {
  struct Get: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "get",
      abstract: "Write an artefact out of the store as a file or folder.",
      discussion: """
        It is complete and verified under its name, or not there at all. A line that 'brake share' printed is fetched from \
        where it says first. \(NamedTensor.help) \(ArtefactArguments.help)
        """
    )

    @OptionGroup var pipeline: PipelineOptions

    @Option(
      name: [.customShort("o", allowingJoined: true), .long],
      help: ArgumentHelp(
        "Where to write it; into it, if this is a folder (default: the digest's first twelve digits, with the name of a tensor behind them; for a line that brings its lineage, with the ending of the output's file, such as .json).",
        valueName: "path"),
      completion: .file())
    var output: String?

    @Flag(help: "Replace a file that is there. Folders are never replaced.") var force = false
    @OptionGroup var given: ArtefactArguments

    func validate() throws { _ = try given.one() }

    func run() async throws {
      try pipeline.workspace.enter()
      if let tensor = try await NamedTensor.find(given.one(), pipeline, given) {
        let path = try target(tensor.fileName)
        try await write(tensor, to: path)
        let shape = "\(tensor.tensor.dtype.rawValue) \(tensor.tensor.shape)"
        return try Output.print("\(tensor.name)  \(shape)  \(path)".visible())
      }
      let (store, digest, ending) = try await found(given.one())
      let path = try target(digest.short + ending)
      try store.restore(digest, to: path)
      try Output.print("\(digest)  \(path.visible())")
    }

    /// Where it is to be written.
    private func target(_ name: String) throws -> String {
      var path = output ?? name
      if output != nil && isFolder(path) { path += (path.hasSuffix("/") ? "" : "/") + name }
      if exists(path) && !force {
        throw Failure(
          .refused, "'\(path)' exists", hint: "write elsewhere with -o PATH, or replace it with --force")
      }
      if exists(path), !isFolder(path), !isRegularFile(path) {
        throw Failure(
          .refused, "'\(path)' is a pipe, socket or device, which nothing replaces",
          hint: "write elsewhere with -o PATH, or use 'brake cat' and the shell")
      }
      return path
    }

    /// Under another name beside it first, so that it is there as a whole or not at all.
    private func write(_ tensor: NamedTensor, to path: String) async throws {
      let files = LocalFileSystem()
      let temporary = "\(path).\(ProcessFolder.randomName())"
      let file = try files.create(temporary, mode: 0o666)
      do {
        do {
          try await Transfer.run("read", tensor.progress, kept: false) {
            try await tensor.write { try files.write($0, to: file, path: temporary) }
          }
        } catch {
          try? files.close(file, path: temporary)
          throw error
        }
        try files.close(file, path: temporary)
        try files.synchronise(temporary)
        if force {
          try files.rename(temporary, to: path)
        } else if try !files.renameIfAbsent(temporary, to: path) {
          throw Failure(.refused, "'\(path)' exists by now", hint: "write elsewhere with -o PATH")
        }
      } catch {
        try? files.remove(temporary)
        throw error
      }
    }

    /// Where an artefact is, once it is there, and what the name of its file ends with, as far as that is known.
    private func found(_ name: String) async throws -> (Store, Digest, ending: String) {
      guard ShareLine.isMeant(by: name) else {
        let store = try pipeline.workspace.open()
        return (store, try await given.resolver(pipeline, in: store).one(name).digest, "")
      }
      let line = try ShareLine.ofWhole(name)
      let store = try pipeline.workspace.open(creating: true)
      let address = try line.from ?? RemoteNames(of: store).resolve(nil)
      let isNew = !exists(store.root + "/format")
      let fetched = try await Fetching(address, into: store).fetch(line, .withRecords)
      if isNew {
        Output.note("note: it is kept in the store \(store.root.visible()), too, which was made for it")
      }
      let isFile = fetched.artefact.kind == .blob
      let ending = isFile ? fetched.records.first?.ending(ofFile: fetched.artefact.digest) : nil
      return (store, fetched.artefact.digest, ending ?? "")
    }
  }
}

extension Record {
  /// `.json`, as the file of an output ended that is this artefact. A stranger's record chooses no more of a name than that.
  fileprivate func ending(ofFile digest: Digest) -> String? {
    guard let output = outputs.first(where: { $0.artefact.digest == digest }) else { return nil }
    let operation = manifest["operation"]?.string.flatMap { OperationRegistry.builtIn[$0] }
    let declared =
      operation?.outputs.first { $0.name == output.name }?.file ?? manifest["outputs"]?[output.name]?.string
    guard let file = output.file ?? declared, let dot = file.lastIndex(of: ".") else { return nil }
    let ending = file[dot...].dropFirst()
    let isPlain = ending.utf8.allSatisfy { 48...57 ~= $0 || 65...90 ~= $0 || 97...122 ~= $0 }
    return isPlain && 1...12 ~= ending.utf8.count ? "." + ending : nil
  }
}
