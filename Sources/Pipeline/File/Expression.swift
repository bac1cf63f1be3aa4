import Actions

/// A text in which `${NAME}` stands for a value.
struct Expression {
  enum Part: Equatable {
    case text(String)
    case variable(String)
    /// `${in.NAME}`, `${out.NAME}`, `${previous.NAME}`: paths that only the runner knows.
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
    let bytes = text.utf8
    var parts: [Part] = []
    var literal = ""
    // Behind all that is in `parts` and `literal`.
    var start = bytes.startIndex
    var index = start
    while let dollar = bytes[index...].firstIndex(of: UInt8(ascii: "$")) {
      index = bytes.index(after: dollar)
      guard index < bytes.endIndex else { break }
      if bytes[index] == UInt8(ascii: "$") {
        // `$${` is a literal `${`.
        let next = bytes.index(after: index)
        if next < bytes.endIndex, bytes[next] == UInt8(ascii: "{") {
          literal += text[start..<dollar]
          start = index
          index = bytes.index(after: next)
        }
        continue
      }
      guard bytes[index] == UInt8(ascii: "{") else { continue }
      guard let close = bytes[index...].firstIndex(of: UInt8(ascii: "}")) else {
        throw PipelineError("'${' has no '}'", at: position, hint: "'$${' gives a literal '${'")
      }
      literal += text[start..<dollar]
      if !literal.isEmpty { parts.append(.text(literal)) }
      literal = ""
      let name = String(text[bytes.index(after: index)..<close])
      parts.append(Expression.isPath(name) ? .path(name) : .variable(name))
      index = bytes.index(after: close)
      start = index
    }
    literal += text[start...]
    if !literal.isEmpty { parts.append(.text(literal)) }
    self.parts = parts
  }

  /// What stands before the name of an output of the link before.
  static let previous = "previous."

  /// The output that `previous.NAME` names; nil for another name.
  static func carried(_ name: String) -> String? {
    name.hasPrefix(previous) ? String(name.dropFirst(previous.count)) : nil
  }

  /// Whether a name is that of a path, whatever stands behind its `.`.
  static func isPath(_ name: String) -> Bool {
    name.hasPrefix("in.") || name.hasPrefix("out.") || name.hasPrefix(previous)
  }

  /// The part of a name before its `.`: of `run.batch`, `run`.
  static func variable(of name: String) -> String { String(name.prefix { $0 != "." }) }

  /// The one name of a text that is nothing but `${NAME}`.
  var soleVariable: String? {
    if parts.count == 1, case .variable(let name) = parts[0] { name } else { nil }
  }
}

extension PipelineNode {
  /// Checks every `${NAME}` of a value.
  ///
  /// - Parameters:
  ///   - names: parameters and variables that can be used here; variables may have columns, `run.batch`.
  ///   - paths: of a command, `in.NAME`, `out.NAME` and `previous.NAME`; nil where no paths can be used.
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
          if !names.contains(name), !names.contains(Expression.variable(of: name)) {
            throw unknown(name, among: names.sorted() + (paths ?? []))
          }
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
    let declared = Expression.isPath(name)
    if name.hasPrefix(Expression.previous) { return noPrevious(name, among: names) }
    return PipelineError(
      declared ? "${\(name)} is not declared in \(name.prefix { $0 != "." }):" : "unknown name ${\(name)}",
      at: position, hint: "\(meant)$${ gives the shell a literal ${")
  }

  /// - Parameter names: all paths of the command.
  private func noPrevious(_ name: String, among names: [String]) -> PipelineError {
    let carried = names.filter { $0.hasPrefix(Expression.previous) }
    if carried.isEmpty {
      return PipelineError(
        "${\(name)} is of the link before, and this stage is no chain", at: position,
        hint: "chain: { step: [1, 2, 4] } makes it one")
    }
    return PipelineError(
      "no link has the output '\(name.dropFirst(Expression.previous.count))' for the next one", at: position,
      hint: Suggestion.nearest(to: name, among: carried).map { "did you mean ${\($0)}?" }
        ?? "there is: \(carried.map { "${\($0)}" }.joined(separator: ", "))")
  }
}
