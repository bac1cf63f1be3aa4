import ArgumentParser
import Artefacts
import JSON
import Remotes
import System

extension Brake {
  struct Put: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "put",
      abstract: "Put files and folders into the store and print their digests.",
      discussion: """
        What is printed is in the store for good: it survives a power cut the next instant. hf://OWNER/MODEL@REVISION is a \
        model that Hugging Face publishes, as a folder with its configuration, weights and tokeniser, and \
        hf://OWNER/MODEL@REVISION/FILE a file of it; so are the addresses of these that a browser shows. HF_ENDPOINT names \
        another server with the same paths, HF_TOKEN who asks.
        """)

    @OptionGroup var workspace: Workspace
    @Flag(help: "Print an array of objects.") var json = false
    @Argument(help: "Files (blobs), folders (trees) and published models.", completion: .file()) var paths:
      [String]

    func run() async throws {
      try workspace.enter()
      let published = try paths.map { HubAddress.isMeant(by: $0) ? try HubAddress($0) : nil }
      let store = try workspace.open(creating: true)
      let fetched = try await fetch(published.compactMap { $0 }, into: store)
      let files = StatCache(store: store)
      let publication = store.publication()
      var (rest, names, artefacts) = (fetched[...], [String](), [Artefact]())
      for (path, address) in zip(paths, published) {
        if address != nil, let (artefact, exact) = rest.popFirst() {
          names.append(exact.description)
          artefacts.append(artefact)
        } else {
          names.append(path)
          artefacts.append(try publication.add(path: path, known: files))
        }
      }
      try publication.commit()
      store.keepReserve()
      // Only what was learnt of the files is lost if this fails; they are stored.
      try? files.save()
      if json {
        return try Output.print(
          .array(
            zip(names, artefacts).map { path, artefact in
              [
                "path": .string(path), "digest": .string(artefact.digest.description),
                "kind": .string(artefact.kind.rawValue), "logical_bytes": .integer(Int64(artefact.size)),
              ]
            }))
      }
      try Output.print(zip(names, artefacts).map { "\($1.digest)  \($0.visible())" }.joined(separator: "\n"))
    }

    private func fetch(
      _ addresses: [HubAddress], into store: Store
    ) async throws -> [(artefact: Artefact, address: HubAddress)] {
      if addresses.isEmpty { return [] }
      let (hub, progress) = (try Hub(), TransferProgress())
      return try await Transfer.run("fetched", progress, kept: false) {
        var fetched: [(artefact: Artefact, address: HubAddress)] = []
        for address in addresses {
          fetched.append(try await hub.fetch(address, into: store, progress: progress))
        }
        return fetched
      }
    }
  }
}
