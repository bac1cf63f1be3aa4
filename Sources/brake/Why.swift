import Actions
import ArgumentParser
import Artefacts
import Glibc
import JSON
import Pipeline
import Runs
import System

extension Brake {
  struct Why: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "why",
      abstract: "Explain why stages must run, down to the parameter.",
      discussion: """
        Compares each action with its nearest recorded relative, of the same stage if there is one, and names everything \
        that differs: parameters, inputs, the revision of the operation, the programs it calls, and the lines or words \
        of the command. In a line, [-this-] was there before and {+that+} is there now.
        """)

    @OptionGroup var pipeline: PipelineOptions
    @Flag(help: "Print an array of objects.") var json = false
    @OptionGroup var given: Targets

    func run() async throws {
      let explanations = try await pipeline.engine(given.overrides).why(targets: given.targets)
      if json { return try Output.print(.array(explanations.map(\.json))) }
      let colour = Terminal.hasColour(STDOUT_FILENO)
      try Output.printRaw(explanations.map { $0.text(colour: colour) + "\n" }.joined())
    }
  }
}

extension Explanation {
  /// The verdict and what differs, in one line.
  var reason: String {
    if differences.isEmpty { return verdict }
    let reasons = shown.map { "\($0.what): \($0.change)" } + hidden.map { "\($0): and \($1) more members" }
    return reasons.joined(separator: "; ")
  }

  /// Members of one input that are named; the others are counted.
  private static let mostMembers = 12

  fileprivate func text(colour: Bool) -> String {
    var lines = ["\(instance): \(verdict)".visible()]
    if let relative {
      let remark =
        relative.isOtherStage ? ", another stage" : relative.making.map { ", which took \($0.taken)" } ?? ""
      lines.append("  compared with \(relative.stage.visible()), action \(relative.key.short)\(remark)")
    }
    let width = shown.map(\.what.columns).filter { $0 <= 40 }.max() ?? 0
    for difference in shown {
      let label = difference.what.visible()
      if difference.isLong {
        lines.append("  \(label)")
        lines += difference.inside(colour: colour).map { "    " + $0 }
      } else {
        lines.append("  \(label.padded(to: width))  \(difference.change(colour: colour))")
      }
    }
    for (input, count) in hidden { lines.append("  \(input.visible())  and \(count) more members") }
    return lines.joined(separator: "\n")
  }

  /// The differences, without the many members of an input that is a large collection.
  private var shown: [Difference] {
    var counts: [Substring: Int] = [:]
    return differences.filter {
      guard let input = $0.collection else { return true }
      counts[input, default: 0] += 1
      return counts[input]! <= Explanation.mostMembers
    }
  }

  private var hidden: [(String, Int)] {
    Dictionary(grouping: differences.compactMap(\.collection)) { $0 }
      .filter { $0.value.count > Explanation.mostMembers }
      .map { (String($0.key), $0.value.count - Explanation.mostMembers) }.sorted { $0.0 < $1.0 }
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
        [
          "stage": .string($0.stage), "action": .string($0.key.description),
          "other_stage": .bool($0.isOtherStage), "made": $0.making?.json ?? .null,
        ]
      } ?? .null,
    ]
  }
}

extension Explanation.Difference {
  /// The input, if this is a member of a collection.
  fileprivate var collection: Substring? {
    what.hasPrefix("input ") && what.contains("[") ? what.prefix { $0 != "[" } : nil
  }

  /// Longer than what one reads at a glance: shown as what differs inside.
  fileprivate var isLong: Bool {
    guard let before, let now, Digest(before) == nil || Digest(now) == nil else { return false }
    return [before, now].contains { $0.contains("\n") || $0.columns > 60 }
  }

  fileprivate func inside(colour: Bool) -> [String] {
    TextDifference(before ?? "", now ?? "", colour: colour).lines()
  }

  /// `100 -> 200`, digests shortened; of long texts the words that differ.
  fileprivate func change(colour: Bool) -> String {
    if isLong { return TextDifference(before ?? "", now ?? "", colour: colour).words() }
    func brief(_ value: String?, _ style: Style) -> String {
      guard let value else { return "none" }
      return style(Digest(value)?.short ?? value.fitted(to: 60), if: colour)
    }
    return "\(brief(before, .red)) -> \(brief(now, .green))"
  }

  fileprivate var change: String { change(colour: false) }
}
