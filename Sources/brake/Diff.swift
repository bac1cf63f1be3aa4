import Actions
import ArgumentParser
import Differences
import JSON
import Pipeline
import Runs

extension Brake {
  struct Diff: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "diff",
      abstract: "Show what differs between two artefacts, files or folders.",
      discussion: """
        Folders are compared entry by entry, safetensors tensor by tensor (number of elements that differ, largest \
        difference, L2 norm of the difference relative to that of the first), JSON by path, tables by row and column, \
        texts by line, and everything else by its bytes. Checkpoints are read piece by piece, however large they are.

        Each side is a path of a file or folder that is there, or the name of an artefact. \(ArtefactArguments.help) A \
        stage with several outputs is compared like a folder that holds them. What starts with ./ or / is always a path.

        Exit status: 0 if both are the same, byte for byte, 1 if they differ, 2 after an error.
        """)

    @OptionGroup var pipeline: PipelineOptions

    @Option(help: ArgumentHelp("Show so many of each list; the rest is counted.", valueName: "n")) var most =
      20
    @Flag(help: "Print one object, with all that differs.") var json = false
    @OptionGroup var given: ArtefactArguments

    func validate() throws {
      if most < 1 { throw ValidationError("--most takes a number of at least 1, not \(most)") }
      let count = given.names.count
      guard count == 2 else { throw ValidationError("Two artefacts or paths are expected, not \(count)") }
    }

    func run() async throws {
      try pipeline.workspace.enter()
      let sides = ComparedSides(pipeline: pipeline, given: given)
      let before = try await sides.content(given.names[0])
      let now = try await sides.content(given.names[1])
      let difference = try compare(before, now)
      if json {
        try Output.print(difference?.object ?? ["kind": "identical"])
      } else {
        try Output.printRaw(difference.map { $0.report(most: most) } ?? "identical\n")
      }
      if difference != nil { throw ExitCode(1) }
    }
  }
}
