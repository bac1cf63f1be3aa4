import Actions
import ArgumentParser
import Artefacts
import JSON
import Runs

extension Brake {
  struct Status: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "status",
      abstract: "Say which stages are up to date and which must run.")

    @OptionGroup var pipeline: PipelineOptions
    @Flag(help: "Print an array of objects.") var json = false
    @OptionGroup var given: Targets

    func run() async throws {
      let status = try await pipeline.engine(given.overrides).status(targets: given.targets)
      if json { return try Output.print(.array(status.map(\.json))) }
      var table = Table(.left, .left, .left)
      for each in status {
        let state = each.place.map { "is in \($0)" } ?? each.state.rawValue
        table.add(each.instance, state, each.error?.headline ?? each.key?.short ?? "")
        if let running = each.running {
          table.add("", "", running.text.isEmpty ? "runs now" : "runs now " + running.text)
        }
        if let leftover = each.leftover { table.add("", "", "what it left when it failed is in \(leftover)") }
      }
      let behind = status.count(where: \.isBehind)
      let summary =
        "\(status.count) stages, \(behind == 0 ? "all" : String(status.count - behind)) up to date"
      try Output.print(table.isEmpty ? summary : table.text() + "\n" + summary)
    }
  }
}

extension InstanceStatus {
  fileprivate var json: JSON {
    [
      "stage": .string(instance), "state": .string(state.rawValue),
      "action": key.map { .string($0.description) } ?? .null,
      "error": error.map { .string($0.headline) } ?? .null,
      "resources": resources.json,
      "running": running?.json ?? .null,
      "leftover": leftover.map { .string($0) } ?? .null,
      "place": place.map { .string($0) } ?? .null,
    ]
  }
}
