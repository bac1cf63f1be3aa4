import Actions
import JSON

extension PipelineReader {
  /// What `out:` says: each output with its file, folder or pattern as one text, and the names of those that grow, and of
  /// those that are eager, too.
  func outputs(
    _ node: PipelineNode?, names: Set<String>
  ) throws(PipelineError) -> (entries: [PipelineNode.Entry], growing: [String], eager: [String]) {
    var outputs: [PipelineNode.Entry] = []
    var growing: [String] = []
    var eager: [String] = []
    for entry in try entries(node, "out:", names: names) {
      guard let fields = entry.value.mapping else {
        outputs.append(entry)
        continue
      }
      let (file, grows, isEager) = try members(fields, of: entry)
      outputs.append(PipelineNode.Entry(name: entry.name, position: entry.position, value: file))
      if grows { growing.append(entry.name) }
      if isEager { eager.append(entry.name) }
    }
    return (outputs, growing, eager)
  }

  /// `{ folder: ckpt/, key: "step_*.pt", grows: true }` is the output `ckpt/step_*.pt`.
  private func members(
    _ fields: [PipelineNode.Entry], of entry: PipelineNode.Entry
  ) throws(PipelineError) -> (file: PipelineNode, grows: Bool, isEager: Bool) {
    try checkNames(fields, known: OutputField.allCases.map(\.rawValue), of: "the output '\(entry.name)'")
    func value(_ field: OutputField) -> PipelineNode? { fields.first { $0.name == field.rawValue }?.value }

    guard let folder = value(.folder) else {
      throw PipelineError(
        "the output '\(entry.name)' has no folder:", at: entry.position,
        hint: "such as { folder: ckpt/, key: \"step_*.pt\", grows: true }; a single file does not grow")
    }
    var text = try path(folder, "folder:")
    if !text.hasSuffix("/") { text += "/" }
    if let key = value(.key) {
      let name = try path(key, "key:")
      guard !name.contains("/"), name.count(where: { $0 == "*" }) == 1 else {
        throw PipelineError(
          "key: takes the name of a file with one '*', not '\(name.excerpt)'", at: key.position,
          hint: "as in step_*.pt; what stands for the '*' is the member's key")
      }
      text += name
    }
    let grows = try flag(value(.grows), "grows:") ?? false
    let isEager = try flag(value(.eager), "eager:") ?? false
    if isEager, !grows {
      throw PipelineError(
        "the output '\(entry.name)' is eager and does not grow",
        at: value(.eager)?.position ?? entry.position,
        hint: "write grows: true beside it: nobody can read a member early that is kept only at the end")
    }
    return (
      PipelineNode(content: .scalar(text, isPlain: false), position: folder.position), grows, isEager
    )
  }

  private func path(_ node: PipelineNode, _ what: String) throws(PipelineError) -> String {
    guard let text = node.text, !text.isEmpty, !node.isNull else {
      throw PipelineError("\(what) takes a text, not \(node.kind)", at: node.position)
    }
    return text
  }
}
