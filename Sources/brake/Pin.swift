import ArgumentParser
import Artefacts
import JSON
import System

extension Brake {
  struct Pin: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "pin",
      abstract: "Keep artefacts, whatever else is removed; without arguments, list those.",
      discussion: "A pin is a reference without a name. \(ArtefactArguments.help)")

    @OptionGroup var pipeline: PipelineOptions
    @Flag(help: "Print an array of objects.") var json = false
    @OptionGroup var given: ArtefactArguments

    func run() async throws {
      let (store, digests) = try await given.opened(pipeline)
      for digest in digests { try store.pin(digest) }
      try Pins.show(given.names.isEmpty ? store.pins() : digests, json)
    }
  }

  struct Unpin: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "unpin",
      abstract: "Take pins away from artefacts.", discussion: "The artefacts stay until the next 'brake gc'.")

    @OptionGroup var pipeline: PipelineOptions
    @Flag(help: "Print an array of objects.") var json = false
    @OptionGroup var given: ArtefactArguments

    func validate() throws {
      if given.names.isEmpty { throw ValidationError("Missing expected argument '<artefact>'") }
    }

    func run() async throws {
      let (store, digests) = try await given.opened(pipeline)
      for digest in digests where try !store.unpin(digest) {
        throw Failure(.notFound, "\(digest) is not pinned", hint: "'brake pin' lists what is")
      }
      try Pins.show(digests, json)
    }
  }
}

private enum Pins {
  static func show(_ digests: [Digest], _ json: Bool) throws {
    if json {
      return try Output.print(.array(digests.map { ["digest": .string($0.description)] }))
    }
    if !digests.isEmpty { try Output.print(digests.map(\.description).joined(separator: "\n")) }
  }
}
