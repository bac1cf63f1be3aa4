import ArgumentParser
import Artefacts
import JSON
import System

extension Brake {
  struct Put: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "put",
      abstract: "Put files and folders into the store and print their digests.",
      discussion: "What is printed is in the store for good: it survives a power cut the next instant.")

    @OptionGroup var workspace: Workspace
    @Flag(help: "Print an array of objects.") var json = false
    @Argument(help: "Files (blobs) and folders (trees).", completion: .file()) var paths: [String]

    func run() throws {
      try workspace.enter()
      let store = try workspace.open(creating: true)
      let files = StatCache(store: store)
      let publication = store.publication()
      let artefacts = try paths.map { try publication.add(path: $0, known: files) }
      try publication.commit()
      store.keepReserve()
      // Only what was learnt of the files is lost if this fails; they are stored.
      try? files.save()
      if json {
        return try Output.print(
          .array(
            zip(paths, artefacts).map { path, artefact in
              [
                "path": .string(path), "digest": .string(artefact.digest.description),
                "kind": .string(artefact.kind.rawValue), "logical_bytes": .integer(Int64(artefact.size)),
              ]
            }))
      }
      try Output.print(zip(paths, artefacts).map { "\($1.digest)  \($0.visible())" }.joined(separator: "\n"))
    }
  }
}
