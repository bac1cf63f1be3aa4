import ArgumentParser
import JSON
import Pipeline
import Runs

extension Brake {
  struct Graph: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "graph",
      abstract: "Draw the stages, what they read and what reads them.",
      discussion: "For example: brake graph --format dot | dot -Tsvg > pipeline.svg")

    enum Format: String, ExpressibleByArgument, CaseIterable { case mermaid, dot, json }

    @OptionGroup var pipeline: PipelineOptions
    @Option(help: "The language of the drawing.") var format = Format.mermaid
    @Flag(help: "The same as --format json.") var json = false
    @OptionGroup var given: Targets

    func run() async throws {
      let plan = try pipeline.engine(given.overrides).plan()
      let selection = try plan.selection(given.targets)
      switch json ? .json : format {
      case .mermaid: try Output.print(selection.mermaid(), terminator: "")
      case .dot: try Output.print(selection.dot(), terminator: "")
      case .json: try Output.print(selection.json())
      }
    }
  }
}
