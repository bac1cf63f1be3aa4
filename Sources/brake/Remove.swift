import ArgumentParser
import Artefacts
import Runs
import System

extension Brake {
  struct Remove: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "rm",
      abstract: "Take artefacts out of the store, though something may need them.",
      discussion: """
        For what you know better than 'brake gc': a checkpoint that is too large, a figure that nobody wants. The record of how \
        it was made stays, and it is made again when a stage reads it that has to run. What has a name, a pin or a colleague who may \
        ask for it is refused. Until the next 'brake gc' that is --grace later, reading it brings it back, and the disk has \
        no more room; --now removes it at once. \
        \(ArtefactArguments.help)
        """)

    @OptionGroup var pipeline: PipelineOptions
    @Flag(help: "Remove at once, so that there is room.") var now = false
    @Flag(help: "Print one object.") var json = false
    @OptionGroup var given: ArtefactArguments

    func validate() throws {
      if given.names.isEmpty { throw ValidationError("Missing expected argument '<artefact>'") }
    }

    func run() async throws {
      let (store, digests) = try await given.opened(pipeline)
      for digest in digests where try !store.contains(digest) {
        throw Failure(.notFound, "\(digest) is not in \(store.root)", hint: "see 'brake ls'")
      }
      let amount = try await StoreKeeper(store).remove(digests, isForGood: now)
      if json { return try Output.print(amount.json) }
      try Output.print((now ? "removed: " : "set aside: ") + amount.text)
    }
  }
}
