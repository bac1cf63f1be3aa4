import Actions

/// Cuts the text of a condition into words and signs.
enum ConditionLexer {
  struct Token {
    enum Kind: Equatable {
      case word(String)
      case quoted(String)
      case name(String)
      case comparison(Condition.Comparison)
      /// One of `( ) [ ] ,`.
      case sign(Character)
    }

    let kind: Kind
    let position: Position

    /// As a message shows it.
    var shown: String {
      switch kind {
      case .word(let text), .quoted(let text): "'\(text.excerpt)'"
      case .name(let name): "${\(name.excerpt)}"
      case .comparison(let comparison): "'\(comparison.rawValue)'"
      case .sign(let sign): "'\(sign)'"
      }
    }
  }

  static let longest = 4096

  /// - Parameter node: where the text stands.
  static func tokens(of text: String, in node: PipelineNode) throws(PipelineError) -> [Token] {
    guard text.utf8.count <= longest else {
      throw PipelineError("a condition has at most \(longest) bytes", at: node.position)
    }
    let characters = Array(text)
    var tokens: [Token] = []
    var index = 0
    while index < characters.count {
      let start = index
      let position = self.position(start, of: text, in: node)
      let isJoined = start > 0 && !characters[start - 1].isWhitespace && tokens.last?.isOperand == true
      let kind = try token(characters, &index, at: position)
      guard let kind else { continue }
      let token = Token(kind: kind, position: position)
      if isJoined, token.isOperand {
        throw PipelineError(
          "\(token.shown) stands directly behind \(tokens[tokens.count - 1].shown)", at: position,
          hint: "a condition compares whole values")
      }
      tokens.append(token)
    }
    return tokens
  }

  /// Takes one token, or nothing if white space comes.
  private static func token(
    _ characters: [Character], _ index: inout Int, at position: Position
  ) throws(PipelineError) -> Token.Kind? {
    let rest = characters[index...]
    let first = characters[index]
    if first.isWhitespace {
      index += 1
      return nil
    }
    if "()[],".contains(first) {
      index += 1
      return .sign(first)
    }
    for comparison in Condition.Comparison.allCases where rest.starts(with: comparison.rawValue) {
      index += comparison.rawValue.count
      return .comparison(comparison)
    }
    if first == "=" || first == "!" {
      throw PipelineError(
        "a condition has no '\(first)'", at: position, hint: "equal is '==', unequal '!=', the contrary 'not'"
      )
    }
    if first == "'" || first == "\"" {
      guard let end = rest.dropFirst().firstIndex(of: first) else {
        throw PipelineError("the quoted text has no end", at: position)
      }
      index = end + 1
      return .quoted(String(rest.dropFirst()[..<end]))
    }
    if rest.starts(with: "${") {
      guard let end = rest.firstIndex(of: "}") else {
        throw PipelineError("'${' has no '}'", at: position)
      }
      index = end + 1
      return .name(String(rest[..<end].dropFirst(2)))
    }
    while index < characters.count, !ends(characters[index...]) { index += 1 }
    return .word(String(rest[..<index]))
  }

  /// Whether a word ends before this.
  private static func ends(_ rest: ArraySlice<Character>) -> Bool {
    guard let first = rest.first else { return true }
    return first.isWhitespace || "()[],=!<>'\"".contains(first) || rest.starts(with: "${")
  }

  /// Where a character of a one-line text stands in the file.
  private static func position(_ offset: Int, of text: String, in node: PipelineNode) -> Position {
    guard case .scalar(_, let isPlain) = node.content, !text.contains(where: \.isNewline) else {
      return node.position
    }
    return Position(
      file: node.position.file, line: node.position.line,
      column: node.position.column + offset + (isPlain ? 0 : 1))
  }
}

extension ConditionLexer.Token {
  fileprivate var isOperand: Bool {
    switch kind {
    case .word, .quoted, .name: true
    case .comparison, .sign: false
    }
  }
}
