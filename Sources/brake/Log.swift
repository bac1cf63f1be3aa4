import ArgumentParser
import JSON
import Pipeline

extension Brake {
  struct Log: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show again what stages printed when they ran, or when they last failed.")

    @OptionGroup var pipeline: PipelineOptions
    @Flag(help: "Print an array of objects.") var json = false
    @OptionGroup var given: Targets

    func run() async throws {
      let logs = try await pipeline.engine(given.overrides).log(targets: given.targets)
      if json {
        return try Output.print(
          .array(
            logs.map { ["stage": .string($0.instance), "log": $0.text.map(JSON.string) ?? .null] }))
      }
      for log in logs {
        guard let text = log.text else {
          Output.note("\(log.instance) has not run")
          continue
        }
        let body = text.hasSuffix("\n") ? String(text.dropLast()) : text
        if logs.count > 1 { try Output.print("== \(log.instance)") }
        if !body.isEmpty { try Output.print(body) }
      }
    }
  }
}
