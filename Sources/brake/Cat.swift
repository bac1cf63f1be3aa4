import Actions
import ArgumentParser
import Artefacts
import Runs

extension Brake {
  struct Cat: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "cat",
      abstract: "Write artefacts' bytes to the standard output.",
      discussion: """
        Of a tree: its manifest, a JSON object. The bytes are verified while they pass; if they are damaged the exit \
        status is 2. \(ArtefactArguments.help)
        """)

    @OptionGroup var pipeline: PipelineOptions
    @OptionGroup var given: ArtefactArguments

    func validate() throws { if given.names.isEmpty { _ = try given.one() } }

    func run() async throws {
      try pipeline.workspace.enter()
      let store = try pipeline.workspace.open()
      let resolver = given.resolver(pipeline, in: store)
      var found: [Digest] = []
      for name in given.names { found.append(try await resolver.one(name).digest) }
      for digest in found { try store.stream(digest) { try Output.write($0) } }
    }
  }
}
