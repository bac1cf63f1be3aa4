import Actions
import Artefacts
import Differences
import Pipeline
import Runs
import System

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
    let store: Store
    do { store = try pipeline.workspace.open() } catch {
      guard let failure = error as? Failure, failure.code == .notFound else { throw error }
      throw Failure(
        .notFound,
        "there is no file or folder '\(text)', and no store that could have an artefact of that name",
        hint: failure.hint)
    }
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
