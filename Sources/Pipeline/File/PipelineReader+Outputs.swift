import Actions
import JSON

extension PipelineReader {
  /// What `out:` says: each output with its file, folder or pattern as one text, and the names of those that grow.
  func outputs(
    _ node: PipelineNode?, names: Set<String>
  ) throws(PipelineError) -> (entries: [PipelineNode.Entry], growing: [String]) {
    var outputs: [PipelineNode.Entry] = []
    var growing: [String] = []
    for entry in try entries(node, "out:", names: names) {
      guard let fields = entry.value.mapping else {
        outputs.append(entry)
        continue
      }
      let (file, grows) = try members(fields, of: entry)
      outputs.append(PipelineNode.Entry(name: entry.name, position: entry.position, value: file))
      if grows { growing.append(entry.name) }
    }
    return (outputs, growing)
  }

  /// `{ folder: ckpt/, key: "step_*.pt", grows: true }` is the output `ckpt/step_*.pt`.
  private func members(
    _ fields: [PipelineNode.Entry], of entry: PipelineNode.Entry
  ) throws(PipelineError) -> (file: PipelineNode, grows: Bool) {
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
    return (
      PipelineNode(content: .scalar(text, isPlain: false), position: folder.position),
      try flag(value(.grows), "grows:") ?? false
    )
  }

  private func path(_ node: PipelineNode, _ what: String) throws(PipelineError) -> String {
    guard let text = node.text, !text.isEmpty, !node.isNull else {
      throw PipelineError("\(what) takes a text, not \(node.kind)", at: node.position)
    }
    return text
  }
}
