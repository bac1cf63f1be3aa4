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
        status is 2. \(NamedTensor.help) \(ArtefactArguments.help)
        """)

    @OptionGroup var pipeline: PipelineOptions
    @OptionGroup var given: ArtefactArguments

    func validate() throws { if given.names.isEmpty { _ = try given.one() } }

    func run() async throws {
      try pipeline.workspace.enter()
      // All of them are known before any is written.
      var found: [Found] = []
      for name in given.names { found.append(try await find(name)) }
      for each in found {
        switch each {
        case .artefact(let digest, let store): try store.stream(digest) { try Output.write($0) }
        case .tensor(let tensor): try await tensor.write { try Output.write($0) }
        }
      }
    }

    private enum Found {
      case artefact(Digest, Store)
      case tensor(NamedTensor)
    }

    private func find(_ name: String) async throws -> Found {
      if let tensor = try await NamedTensor.find(name, pipeline, given) { return .tensor(tensor) }
      let store = try pipeline.workspace.open()
      return .artefact(try await given.resolver(pipeline, in: store).one(name).digest, store)
    }
  }
}
