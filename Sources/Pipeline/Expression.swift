/// A text in which `${NAME}` stands for a value.
struct Expression {
  enum Part: Equatable {
    case text(String)
    case variable(String)
    /// `${in.NAME}`, `${out.NAME}`: paths that only the runner knows.
    case path(String)
  }

  let parts: [Part]

  /// Whether a text could have anything to replace in it.
  static func isNeeded(in text: String) -> Bool {
    var previous: UInt8 = 0
    for byte in text.utf8 {
      if byte == UInt8(ascii: "{"), previous == UInt8(ascii: "$") { return true }
      previous = byte
    }
    return false
  }

  init(_ text: String, at position: Position) throws(PipelineError) {
    var parts: [Part] = []
    var literal = ""
    var rest = text[...]
    while let dollar = rest.firstRange(of: "${") {
      // `$${` is a literal `${`.
      if rest[..<dollar.lowerBound].last == "$" {
        literal += rest[..<dollar.lowerBound].dropLast() + "${"
        rest = rest[dollar.upperBound...]
        continue
      }
      literal += rest[..<dollar.lowerBound]
      guard let close = rest[dollar.upperBound...].firstIndex(of: "}") else {
        throw PipelineError(
          "'${' has no '}'", at: position, hint: "'$${' gives a literal '${'")
      }
      let name = String(rest[dollar.upperBound..<close])
      if !literal.isEmpty { parts.append(.text(literal)) }
      literal = ""
      parts.append(name.hasPrefix("in.") || name.hasPrefix("out.") ? .path(name) : .variable(name))
      rest = rest[rest.index(after: close)...]
    }
    literal += rest
    if !literal.isEmpty { parts.append(.text(literal)) }
    self.parts = parts
  }

  /// The one name of a text that is nothing but `${NAME}`.
  var soleVariable: String? {
    if parts.count == 1, case .variable(let name) = parts[0] { name } else { nil }
  }
}

extension PipelineNode {
  /// Checks every `${NAME}` of a value.
  ///
  /// - Parameters:
  ///   - names: parameters and variables that can be used here.
  ///   - paths: of a command, `in.NAME` and `out.NAME`; nil where no paths can be used.
  func check(names: Set<String>, paths: [String]? = nil) throws(PipelineError) {
    switch content {
    case .list(let elements):
      for element in elements { try element.check(names: names, paths: paths) }
    case .mapping(let entries):
      for entry in entries { try entry.value.check(names: names, paths: paths) }
    case .scalar(let text, _):
      guard Expression.isNeeded(in: text) else { return }
      for part in try Expression(text, at: position).parts {
        switch part {
        case .text: continue
        case .variable(let name):
          if !names.contains(name) { throw unknown(name, among: names.sorted() + (paths ?? [])) }
        case .path(let name):
          guard let paths else {
            throw PipelineError("${\(name)} can only be used in run:", at: position)
          }
          if !paths.contains(name) { throw unknown(name, among: paths) }
        }
      }
    }
  }

  private func unknown(_ name: String, among names: [String]) -> PipelineError {
    let meant = Suggestion.nearest(to: name, among: names).map { "did you mean ${\($0)}? otherwise, " } ?? ""
    let declared = name.hasPrefix("in.") || name.hasPrefix("out.")
    return PipelineError(
      declared ? "${\(name)} is not declared in \(name.prefix { $0 != "." }):" : "unknown name ${\(name)}",
      at: position, hint: "\(meant)$${ gives the shell a literal ${")
  }

  /// Whether a value depends on one of the names.
  func uses(_ names: [String]) -> Bool {
    switch content {
    case .list(let elements): elements.contains { $0.uses(names) }
    case .mapping(let entries): entries.contains { $0.value.uses(names) }
    case .scalar(let text, _):
      Expression.isNeeded(in: text) && names.contains { text.contains("${\($0)}") }
    }
  }
}
