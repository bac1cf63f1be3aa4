import Actions
import ArgumentParser
import Artefacts
import Glibc
import JSON
import Pipeline
import Runs
import System

extension Brake {
  struct Compare: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "compare",
      abstract: "Put runs beside each other: parameters, artefacts, and the numbers in their results.",
      discussion: """
        A run is named as 'brake runs' prints it, by the beginning of that, by 'last', or by 'last~1' for the one before. \
        Shown is what differs: parameters, the digests of what the targets made, and every number in the JSON files among \
        that, a column for each run. Numbers in lists of more than eight are left out without --all. Nothing is run.
        """)

    @OptionGroup var workspace: Workspace
    @Flag(help: "Show what is the same, too, and numbers in long lists; what differs is marked with *.")
    var all =
      false
    @Flag(help: "Print a table with commas, with numbers and digests in full.") var csv = false
    @Flag(help: "Print one object, with numbers and digests in full.") var json = false
    @Argument(help: ArgumentHelp("Runs, the first one first.", valueName: "run"), completion: Completion.runs)
    var runs: [String]

    func validate() throws {
      if runs.count < 2 { throw ValidationError("Two runs or more are expected, not \(runs.count)") }
      if csv && json { throw ValidationError("--csv and --json exclude each other") }
    }

    func run() throws {
      try workspace.enter()
      let store = try workspace.open()
      let journal = RunJournal(store: store)
      let comparison = RunComparison(try runs.map(journal.run), in: store)
      for note in comparison.notes { Output.note("note: \(note)") }
      let rows = comparison.rows.filter { all || !$0.isSame && !$0.isInList }
      if json { return try Output.print(object(comparison.runs, rows)) }
      if csv { return try Output.printRaw(table(comparison.runs, rows)) }
      try Output.print(text(comparison, rows))
    }

    private func object(_ runs: [RunNote], _ rows: [RunComparison.Row]) -> JSON {
      [
        "runs": .array(runs.map { .string($0.identifier) }),
        "rows": .array(
          rows.map { row in
            [
              "section": .string(row.section.rawValue), "name": .string(row.name), "same": .bool(row.isSame),
              "values": .array(row.values.map { $0 ?? .null }),
            ]
          }),
      ]
    }

    private func table(_ runs: [RunNote], _ rows: [RunComparison.Row]) -> String {
      let heading = ["section", "name", "same"] + runs.map(\.identifier)
      let lines = rows.map { row in
        [row.section.rawValue, row.name, row.isSame ? "1" : "0"]
          + row.values.map { $0.map { $0.string ?? $0.canonical } ?? "" }
      }
      return ([heading] + lines).map { $0.map(CSV.field).joined(separator: ",") + "\n" }.joined()
    }

    private func text(_ comparison: RunComparison, _ rows: [RunComparison.Row]) -> String {
      let titles: [(RunComparison.Section, String)] = [
        (.run, "runs"), (.parameter, "parameters"), (.artefact, "artefacts"), (.metric, "metrics"),
      ]
      let names = RunJournal.shortNames(of: comparison.runs)
      let alignments = [Table.Alignment.left, .left] + names.map { _ in .right }
      return titles.map { section, title in
        let shown = rows.filter { $0.section == section }
        let same = comparison.rows.count { $0.section == section && $0.isSame }
        let counted = shown.isEmpty ? " (\(same) the same)" : ""
        var table = Table(alignments, heading: ["", title + counted] + (shown.isEmpty ? [] : names))
        for row in shown { table.add([row.isSame ? "" : "*", row.name] + Compare.cells(row)) }
        return table.text()
      }.joined(separator: "\n")
    }

    /// Short, but no two that differ the same.
    private static func cells(_ row: RunComparison.Row) -> [String] {
      func cells(_ text: (JSON) -> String) -> [String] { row.values.map { $0.map(text) ?? "-" } }
      func count(_ texts: [String]) -> Int { Set(texts).count }
      let full = cells { $0.string ?? $0.canonical }
      let short = cells { value in
        if let digest = value.string.flatMap({ Digest($0) }), row.section == .artefact { return digest.short }
        if case .number(let number) = value { return significant(number, 6) }
        let text = value.string ?? value.canonical
        return text.count > 32 ? text.prefix(31) + "…" : text
      }
      return count(short) == count(full) ? short : full
    }
  }
}
