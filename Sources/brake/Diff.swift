import ArgumentParser
import Artefacts
import Differences
import Glibc
import JSON
import Pipeline
import System

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

/// What the two sides of a comparison stand for.
struct ComparedSides {
  let pipeline: PipelineOptions
  let given: ArtefactArguments

  func content(_ text: String) async throws -> any Content {
    if text.hasPrefix("./") || text.hasPrefix("../") || text.hasPrefix("/") { return try FileContent(text) }
    guard exists(text) else { return try await artefact(text) }
    // A path, unless it is the name of something else besides.
    if let found = try? await named(text), found.contains(where: { $0.name != text }) {
      throw PipelineError(
        "'\(text)' is both the name of an artefact and of what stands at that path",
        facts: [("artefact", found[0].name)],
        hint: "write ./\(text) for the path; the artefact has other names, such as its digest")
    }
    return try FileContent(text)
  }

  private func named(_ text: String) async throws -> [NamedArtefact] {
    try await given.resolver(pipeline, in: pipeline.workspace.open()).all(text)
  }

  private func artefact(_ text: String) async throws -> any Content {
    let store = try pipeline.workspace.open()
    let found = try await named(text)
    if found.count == 1 { return try StoredContent(found[0].digest, in: store) }
    let common = ComparedSides.commonLength(found.map(\.name))
    return ContentList(
      try found.map { artefact in
        var name = artefact.name.dropFirst(common)
        if name.first == "." { name = name.dropFirst() }
        return ContentEntry(name: String(name), content: try StoredContent(artefact.digest, in: store))
      })
  }

  /// How much of several names is the same and ends before a `.` or `[`: what tells outputs of one stage from those of
  /// another does not tell them from each other.
  static func commonLength(_ names: [String]) -> Int {
    guard var common = names.first.map(Array.init) else { return 0 }
    for name in names {
      common = zip(common, name).prefix { $0 == $1 }.map(\.0)
    }
    return common.lastIndex { $0 == "." || $0 == "[" } ?? 0
  }
}

extension Difference {
  /// The headline and the details below it, coloured on a terminal, with a line break at the end.
  func report(most: Int) -> String {
    let colour = Terminal.hasColour(STDOUT_FILENO)
    let lines = details(most: most).map { line in
      let text = line.visible()
      let mark = text.drop { $0 == " " }
      let style: Style? = mark.hasPrefix("- ") ? .red : mark.hasPrefix("+ ") ? .green : nil
      return "  " + (style.map { $0(text, if: colour) } ?? text)
    }
    return ([headline.visible()] + lines).joined(separator: "\n") + "\n"
  }
}
