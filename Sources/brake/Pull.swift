import Actions
import ArgumentParser
import Artefacts
import JSON
import Remotes
import System

extension Brake {
  struct Pull: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "pull",
      abstract: "Fetch artefacts from another place into the store.",
      discussion: """
        An artefact is named by its whole digest, as @NAME after a reference of that place, or by a line that 'brake share' \
        printed. Every byte is checked; what is interrupted goes on where it was. \(Remote.help)
        """)

    @OptionGroup var workspace: Workspace
    @Option(help: ArgumentHelp("The other place, by name or address.", valueName: "remote")) var from: String?
    @OptionGroup var lineage: LineageOption
    @Flag(help: "Print an array of objects.") var json = false
    @Argument(help: ArgumentHelp("Digests, references, lines.", valueName: "artefact")) var names: [String]

    func run() async throws {
      try workspace.enter()
      let store = try workspace.open(creating: true)
      let lines = try names.map { name -> (line: ShareLine?, reference: String?) in
        if name.hasPrefix("@") { return (nil, String(name.dropFirst())) }
        guard name.hasPrefix("sha256:") || Digest(name) != nil else {
          throw Failure(
            .malformed, "'\(name)' names nothing in another place",
            hint:
              "give the whole digest, @NAME, or a line of 'brake share'; for stages, 'brake run --remote-cache read' fetches what others have made"
          )
        }
        return (try ShareLine.ofWhole(name), nil)
      }
      var pulled: [(name: String, artefact: Artefact)] = []
      for (name, each) in zip(names, lines) {
        let address =
          try from == nil
          ? each.line?.from ?? RemoteNames(of: store).resolve(nil) : RemoteNames(of: store).resolve(from)
        let source = Fetching(address, into: store)
        if let reference = each.reference {
          let artefact = try await source.reference(reference)
          try store.setReference(reference, to: artefact.digest)
          pulled.append((name, artefact))
        } else if let line = each.line {
          pulled.append((line.digest.description, try await source.fetch(line, withLineage: lineage.lineage)))
        }
      }
      if json {
        return try Output.print(
          .array(
            pulled.map {
              [
                "name": .string($0.name), "digest": .string($0.artefact.digest.description),
                "kind": .string($0.artefact.kind.rawValue),
                "logical_bytes": .integer(Int64($0.artefact.size)),
              ]
            }))
      }
      for each in pulled {
        try Output.print(
          "\(each.artefact.digest)  \(each.artefact.kind.rawValue)  \(byteCount(each.artefact.size))"
            + (each.name.hasPrefix("@") ? "  \(each.name)" : ""))
      }
    }
  }
}
