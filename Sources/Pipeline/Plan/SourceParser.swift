import Actions
import Artefacts

/// A source as the file gives it, with its expressions replaced.
struct Source {
  enum Kind {
    case file(String)
    case artefact(Digest)
    case reference(Reference, stage: Int)
  }

  let kind: Kind
  let position: Position
  /// The text of a reference that could as well be the name of a file; nil of one with keys, and of other sources.
  var fileName: String?
}

/// Reads the sources of a stage's inputs.
struct SourceParser {
  let stages: [PlannedStage]
  /// The stage that reads them.
  let number: Int

  private var namespace: Namespace { stages[number].namespace }

  /// - Parameter input: its name.
  func source(_ node: PipelineNode, of input: String) throws(PipelineError) -> Source {
    guard let text = node.text, !node.isNull, !text.isEmpty else {
      throw PipelineError(
        "the input '\(input)' comes from \(node.text == "" ? "nothing" : node.kind)", at: node.position,
        hint: "a source is a file, a stage, or a list of such")
    }
    if namespace.stages[String(Reference.leadingName(of: text))] != nil, let reference = Reference(text) {
      return try source(
        reference, of: input, at: node.position, fileName: text.contains("[") ? nil : text)
    }
    if text.hasPrefix("sha256:") {
      guard let digest = Digest(text) else {
        throw PipelineError(
          "'\(text.excerpt)' is no digest", at: node.position,
          hint: "sha256: and 64 hexadecimal digits; a file of that name is written ./\(text.excerpt)")
      }
      return Source(kind: .artefact(digest), position: node.position)
    }
    guard !text.utf8.contains(0), text.utf8.count < 4096 else {
      throw PipelineError("this cannot be the path of a file", at: node.position)
    }
    let path = text.hasPrefix("./") && text.utf8.count > 2 ? String(text.dropFirst(2)) : text
    return Source(kind: .file(path), position: node.position)
  }

  /// - Precondition: there is a stage of this name.
  func source(
    _ reference: Reference, of input: String, at position: Position, fileName: String? = nil
  ) throws(PipelineError) -> Source {
    let stage = namespace.stages[reference.stage]!
    if stage == number {
      _ = try stages[stage].output(of: reference, at: position)
      throw PipelineError(
        "the stage '\(reference.stage)' depends on itself", at: position, facts: [("input", input)],
        hint: fileName.map { "if you mean the file, write ./\($0)" }
          ?? (stages[number].declaration.fanOut.isChain
            ? "a link reads the one before it as ${previous.NAME} in run:"
            : "a stage cannot read another instance of itself"))
    }
    return Source(kind: .reference(reference, stage: stage), position: position, fileName: fileName)
  }
}
