import ArgumentParser
import Artefacts
import JSON

extension Brake {
  struct Show: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show kind, sizes, codecs and makers of an artefact.")

    @OptionGroup var workspace: Workspace
    @Flag(help: "Print one object.") var json = false
    @Argument(help: "A digest, eight or more digits of one, or a reference.") var digest: String

    func run() throws {
      try workspace.enter()
      let store = try workspace.open()
      let digest = try workspace.resolve(digest, in: store)
      let info = try store.info(digest)
      let origins = try Origins(of: store)[digest]
      let codecs = info.codecs.sorted { $0.key < $1.key }
      if json {
        return try Output.print([
          "digest": .string(digest.description), "kind": .string(info.artefact.kind.rawValue),
          "logical_bytes": .integer(Int64(info.logicalBytes)),
          "stored_bytes": .integer(Int64(info.storedBytes)),
          "codecs": .object(info.codecs.mapValues { .integer(Int64($0)) }),
          "origins": .array(origins.map(JSON.string)),
        ])
      }
      var table = Table(.left, .left)
      table.add("digest", digest.description)
      table.add("kind", info.artefact.kind.rawValue)
      let ratio = Double(info.logicalBytes) / Double(max(1, info.storedBytes))
      table.add("bytes", "\(info.logicalBytes), stored as \(info.storedBytes) (\(fixed(ratio, 2)) to 1)")
      table.add("chunks", codecs.map { "\($0.value) \($0.key)" }.joined(separator: ", "))
      for origin in origins { table.add("origin", origin) }
      if info.artefact.kind == .tree {
        for entry in try store.tree(digest).entries {
          table.add(
            "entry", "\(entry.name)  \(entry.mode.rawValue), \(byteCount(entry.size)), \(entry.digest.short)")
        }
      }
      try Output.print(table.text())
    }
  }
}
