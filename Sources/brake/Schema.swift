import Actions
import ArgumentParser
import Pipeline
import Runs

extension Brake {
  struct Schema: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "schema",
      abstract: "Print a JSON Schema of pipeline files, for editors.",
      discussion: """
        With it an editor completes the fields of stages, the operations and their parameters, explains them and underlines \
        what is wrong. For one that knows yaml-language-server: 'brake schema > pipeline.schema.json', and in the first line of \
        the pipeline '# yaml-language-server: $schema=pipeline.schema.json'.
        """)

    func run() throws { try Output.print(PipelineSchema(registry: .builtIn).json) }
  }
}
