import Actions

extension RunJournal {
  /// The run that a text names: its identifier, or so much of its beginning as no other run has; `last`, or `last~1` for
  /// the one before it.
  public func run(_ text: String) throws -> RunNote { try whole(find(text)) }

  private func find(_ text: String) throws -> RunNote {
    let runs = runs()
    if let back = RunJournal.stepsBack(text) {
      guard back < runs.count else {
        throw PipelineError(
          "there is no run '\(text)'", facts: [("runs known", String(runs.count))],
          hint: "brake runs lists them")
      }
      return runs[runs.count - 1 - back]
    }
    let found = runs.filter { $0.identifier.hasPrefix(text) }
    if let run = found.first(where: { $0.identifier == text }) { return run }
    guard let run = found.first, !text.isEmpty else {
      throw PipelineError(
        "there is no run '\(text)'", hint: "brake runs lists them, each with its name in front")
    }
    guard found.count == 1 else {
      throw PipelineError(
        "'\(text)' names \(found.count) runs",
        facts: found.suffix(5).map { ("one is", $0.identifier) }, hint: "give more of the name")
    }
    return run
  }

  /// `last` is 0, `last~2` is 2; nil for anything else.
  private static func stepsBack(_ text: String) -> Int? {
    if text == "last" { return 0 }
    guard text.hasPrefix("last~"), let steps = Int(text.dropFirst(5)), steps >= 0 else { return nil }
    return steps
  }

  /// For each run the shortest beginning of its identifier that names no other, to the second at least.
  public static func shortNames(of runs: [RunNote]) -> [String] {
    let sorted = runs.map(\.identifier).sorted()
    var names: [String: String] = [:]
    for (index, identifier) in sorted.enumerated() {
      func common(_ other: String) -> Int { zip(identifier, other).prefix { $0 == $1 }.count }
      let before = index > 0 ? common(sorted[index - 1]) : 0
      let after = index + 1 < sorted.count ? common(sorted[index + 1]) : 0
      names[identifier] = String(identifier.prefix(max(15, max(before, after) + 1)))
    }
    return runs.map { names[$0.identifier] ?? $0.identifier }
  }
}
