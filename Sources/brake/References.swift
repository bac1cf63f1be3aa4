import Actions
import ArgumentParser
import Artefacts
import JSON
import Runs
import System

/// `@name` or `name`.
private func referenceName(_ text: String) -> String { text.hasPrefix("@") ? String(text.dropFirst()) : text }

extension Brake {
  struct Ref: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "ref",
      abstract: "Give an artefact a name.",
      discussion: """
        'brake ref best fit[47k]' lets every command take @best. A reference of that name is moved. \
        \(ArtefactArguments.help)
        """)

    @OptionGroup var pipeline: PipelineOptions
    @Flag(help: "Print one object.") var json = false
    @Argument(help: "The name.") var name: String
    @OptionGroup var given: ArtefactArguments

    func validate() throws { _ = try given.one() }

    func run() async throws {
      try pipeline.workspace.enter()
      let store = try pipeline.workspace.open()
      let name = referenceName(name)
      let found = try await given.resolver(pipeline, in: store).one(given.one())
      guard try store.contains(found.digest) else {
        throw Failure(.notFound, "\(found.digest) is not in \(store.root)", hint: "see 'brake ls'")
      }
      let before = try? store.reference(name)
      try store.setReference(name, to: found.digest)
      if json {
        return try Output.print([
          "name": .string(name), "digest": .string(found.digest.description),
          "before": before.map { .string($0.description) } ?? .null,
        ])
      }
      let moved = before.map { $0 == found.digest ? "" : "  (before: \($0.short))" } ?? ""
      try Output.print("\(found.digest)  @\(name)\(moved)")
    }
  }

  struct Refs: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "refs",
      abstract: "List the names that artefacts were given.")

    @OptionGroup var workspace: Workspace
    @Flag(help: "Print an array of objects.") var json = false

    func run() throws {
      try workspace.enter()
      let store = try workspace.open()
      var table = Table(.left, .left, .left, .right)
      var objects: [JSON] = []
      var isDamaged = false
      for name in try store.references() {
        do {
          guard let digest = try store.reference(name) else { continue }
          let artefact = try store.contains(digest) ? try? store.artefact(digest) : nil
          table.add(
            "@" + name, digest.short, artefact?.kind.rawValue ?? "missing",
            artefact.map { byteCount($0.size) } ?? "")
          objects.append([
            "name": .string(name), "digest": .string(digest.description),
            "kind": artefact.map { .string($0.kind.rawValue) } ?? .null,
            "logical_bytes": artefact.map { .integer(Int64($0.size)) } ?? .null,
          ])
        } catch {
          Output.note("error: \(error)")
          isDamaged = true
        }
      }
      if json { try Output.print(.array(objects)) } else if !table.isEmpty { try Output.print(table.text()) }
      if isDamaged { throw ExitCode(2) }
    }
  }

  struct Unref: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "unref",
      abstract: "Take names away from artefacts.", discussion: "The artefacts stay.")

    @OptionGroup var workspace: Workspace
    @Flag(help: "Print an array of objects.") var json = false
    @Argument(help: "The names.") var names: [String]

    func run() throws {
      try workspace.enter()
      let store = try workspace.open()
      var objects: [JSON] = []
      for name in names.map(referenceName) {
        // What a damaged reference stood for is not known, and no reason to keep it.
        let digest = try? store.reference(name)
        try store.removeReference(name)
        objects.append([
          "name": .string(name), "digest": digest.map { .string($0.description) } ?? .null,
        ])
        if !json { try Output.print("\(digest?.description ?? "damaged")  @\(name.visible())") }
      }
      if json { try Output.print(.array(objects)) }
    }
  }
}
