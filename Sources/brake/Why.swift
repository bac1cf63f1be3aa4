import Artefacts
import ArgumentParser
import JSON
import Pipeline

extension Brake {
  struct Why: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Explain why stages must run, down to the parameter.",
      discussion: """
        Compares each action with its nearest recorded relative and names everything that differs: parameters, inputs, \
        the command, the revision of the operation, the programs it calls.
        """)

    @OptionGroup var pipeline: PipelineOptions
    @Flag(help: "Print an array of objects.") var json = false
    @OptionGroup var given: Targets

    func run() async throws {
      let explanations = try await pipeline.engine(given.overrides).why(targets: given.targets)
      if json { return try Output.print(.array(explanations.map(\.json))) }
      try Output.print(explanations.map(\.text).joined(separator: "\n"))
    }
  }
}

extension Explanation {
  /// The verdict and what differs, in one line.
  var reason: String {
    if differences.isEmpty { return verdict }
    return differences.map { "\($0.what): \($0.change)" }.joined(separator: "; ")
  }

  fileprivate var text: String {
    var lines = ["\(instance): \(verdict)"]
    if let relative { lines.append("  compared with \(relative.stage), action \(relative.key.short)") }
    var table = Table(.left, .left)
    for difference in differences { table.add(difference.what, difference.change) }
    if !table.isEmpty { lines.append(table.text(indent: "  ")) }
    return lines.joined(separator: "\n")
  }

  fileprivate var json: JSON {
    [
      "stage": .string(instance), "verdict": .string(verdict),
      "differences": .array(
        differences.map { difference in
          [
            "what": .string(difference.what), "before": difference.before.map(JSON.string) ?? .null,
            "now": difference.now.map(JSON.string) ?? .null,
          ]
        }),
      "relative": relative.map {
        ["stage": .string($0.stage), "action": .string($0.key.description)]
      } ?? .null,
    ]
  }
}

extension Explanation.Difference {
  /// `100 -> 200`, digests shortened and long texts cut.
  fileprivate var change: String {
    func brief(_ value: String?) -> String {
      guard let value else { return "none" }
      return Digest(value)?.short ?? value.replacing("\n", with: " ").fitted(to: 60)
    }
    return "\(brief(before)) -> \(brief(now))"
  }
}
