import Actions

extension CommandShell {
  /// - Parameter node: what `shell:` gives, evaluated: a text such as `sh -eu`, to which `-c` is added, or a list of all
  ///   that stands before the command's text.
  init(_ node: PipelineNode) throws(PipelineError) {
    func refuse(_ headline: String) -> PipelineError {
      PipelineError(headline, at: node.position, hint: "such as: shell: sh -eu")
    }
    var words: [String] = []
    if let elements = node.list {
      for element in elements {
        guard let word = element.text else { throw refuse("shell: takes texts, not \(element.kind)") }
        words.append(word)
      }
    } else if let text = node.text, !node.isNull {
      words = text.split(separator: " ").map(String.init)
      if !words.isEmpty { words.append("-c") }
    } else {
      throw refuse("shell: takes a text or a list, not \(node.kind)")
    }
    guard let program = words.first, !program.isEmpty else { throw refuse("shell: names no program") }
    if words.contains(where: { $0.utf8.contains(0) }) { throw refuse("shell: holds a NUL character") }
    if program.contains("/"), !program.hasPrefix("/") {
      throw refuse("'\(program)' is neither the name of a program nor an absolute path")
    }
    self.init(words)!
  }
}
