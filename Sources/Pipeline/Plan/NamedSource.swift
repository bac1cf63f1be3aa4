package import Actions
import Artefacts
import System

/// A source that is written as a stage, or an output of one, and could as well be the name of a file.
struct NamedSource: Sendable {
  let text: String
  let reference: Reference
  let position: Position
}

extension Plan {
  /// Refuses sources that are both a stage's and a file's name, where nobody but the author knows which is meant. What the
  /// plan itself publishes is no file that a stage could read.
  package func checkFileNames(in root: String) throws(PipelineError) {
    if fileNames.isEmpty { return }
    let published = Set(
      instances.lazy.flatMap(\.publish).compactMap { $0.path.split(separator: "/").first.map(String.init) })
    for source in fileNames where !published.contains(source.text) {
      let status = try? LocalFileSystem().status(root + "/" + source.text, followingLinks: true)
      guard let status else { continue }
      let stage = source.reference.stage
      let output = source.reference.output.map { ".\($0)" } ?? ""
      throw PipelineError(
        "'\(source.text)' is both \(output.isEmpty ? "a stage" : "an output of the stage '\(stage)'") and \(status.kind)",
        at: source.position,
        hint: "write \(stage)[*]\(output) for the stage's, ./\(source.text) for \(status.kind)")
    }
  }
}
