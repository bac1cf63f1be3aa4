import Artefacts
import Differences
import JSON
import Pipeline
import Runs
import System

/// What is told of an action that was executed again.
struct RepetitionReport: Sendable {
  enum Change: Sendable {
    /// It was recorded, and not made again.
    case missing
    /// It is not recorded.
    case new
    case mode(isExecutable: Bool)
    case content(any Difference)
    /// Other bytes; what is recorded is not in the store.
    case unknown(recorded: Digest)
    /// Other bytes, although comparing them shows no difference.
    case untold
  }

  let instance: String
  let seconds: Double
  let changes: [(output: String, change: Change)]

  var isSame: Bool { changes.isEmpty }

  /// - Parameter store: where what is recorded is.
  init(_ repetition: Repetition, in store: Store) throws {
    instance = repetition.instance
    seconds = repetition.seconds
    changes = try repetition.outputs.flatMap { output -> [(String, Change)] in
      guard let path = output.path, output.again != nil else { return [(output.label, .missing)] }
      guard let recorded = output.recorded else { return [(output.label, .new)] }
      var changes: [(String, Change)] = []
      if output.wasExecutable != output.isExecutable {
        changes.append((output.label, .mode(isExecutable: output.isExecutable)))
      }
      if recorded != output.again, try !store.isWhole(recorded) {
        changes.append((output.label, .unknown(recorded: recorded.digest)))
      } else if recorded != output.again {
        let difference = try compare(StoredContent(recorded.digest, in: store), FileContent(path))
        changes.append((output.label, difference.map { .content($0) } ?? .untold))
      }
      return changes
    }
  }

  /// The verdict, and below it what differs; with a line break at the end.
  func text(most: Int) -> String {
    let took = "ran in \(duration(seconds))"
    if isSame { return "\(instance): the same bytes, \(took)".visible() + "\n" }
    let lines = changes.map { output, change in
      switch change {
      case .missing: "  \(output): recorded, and not made again\n".visible(lineBreaks: true)
      case .new: "  \(output): made now, and not recorded\n".visible(lineBreaks: true)
      case .mode(let isExecutable):
        "  \(output): \(isExecutable ? "can be executed now" : "can no longer be executed")\n".visible(
          lineBreaks: true)
      case .unknown(let recorded):
        "  \(output): other bytes; by how much is not known, since \(recorded.short) is not in the store\n"
          .visible(
            lineBreaks: true)
      case .untold:
        "  \(output): other bytes, although comparing them shows no difference\n".visible(lineBreaks: true)
      case .content(let difference):
        "  \(output): ".visible()
          + difference.report(most: most).split(separator: "\n").joined(separator: "\n  ") + "\n"
      }
    }
    return "\(instance): other bytes, \(took)\n".visible(lineBreaks: true) + lines.joined()
  }

  var json: JSON {
    [
      "stage": .string(instance), "same": .bool(isSame), "seconds": .number(seconds),
      "changes": .array(
        changes.map { output, change in
          switch change {
          case .missing: ["output": .string(output), "change": "missing"]
          case .new: ["output": .string(output), "change": "new"]
          case .mode(let isExecutable):
            ["output": .string(output), "change": "mode", "mode": isExecutable ? "755" : "644"]
          case .unknown(let recorded):
            [
              "output": .string(output), "change": "content", "difference": .null,
              "recorded": .string(recorded.description),
            ]
          case .untold: ["output": .string(output), "change": "content", "difference": .null]
          case .content(let difference):
            ["output": .string(output), "change": "content", "difference": difference.object]
          }
        }),
    ]
  }
}
