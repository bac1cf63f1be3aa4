/// Reads the text of a command as far as it takes to know in which quotes the values in it stand. It follows bash, and what
/// the other shells have in common with it. What it cannot follow, it says: all values behind that are refused.
struct ShellLexer {
  /// A character of the author's text, or nil for a value.
  private var atoms: [Unicode.Scalar?] = []
  private var index = 0
  private var found: [ShellContext] = []
  private var frames: [Frame] = [Frame(.top)]
  /// Here-documents whose lines begin behind this line.
  private var documents: [Document] = []
  /// Behind the last `$NAME`.
  private var nameEnd = -1
  /// Why the rest cannot be followed.
  private var lost: String?

  private struct Frame {
    enum Kind { case top, parentheses, substitution, doubleQuotes, arithmetic }
    let kind: Kind
    /// The unquoted word so far; nil once a part of it is quoted or comes from an expansion.
    var word: String? = ""
    /// Whether a comment can start here.
    var isWordStart = true
    var isTest = false
    /// Of arithmetic, the parentheses that are open in it.
    var depth = 0

    init(_ kind: Kind) { self.kind = kind }
  }

  private struct Document {
    let end: [Unicode.Scalar]
    let isExpanded: Bool
    let stripsTabs: Bool
    let depth: Int
  }

  mutating func add(_ code: String) { atoms += code.unicodeScalars.map { $0 } }
  mutating func addValue() { atoms.append(nil) }

  /// Of the values, in order.
  mutating func contexts() -> [ShellContext] {
    while index < atoms.count, lost == nil {
      switch frames[frames.count - 1].kind {
      case .top, .parentheses, .substitution: readCommand()
      case .doubleQuotes: readDoubleQuotes()
      case .arithmetic: readArithmetic()
      }
    }
    while index < atoms.count { if take() == nil { found.append(.refused("behind \(lost ?? "that")")) } }
    return found
  }

  /// Of a text that no shell reads.
  func foreignContexts() -> [ShellContext] { atoms.filter { $0 == nil }.map { _ in .foreign } }

  // MARK: Commands

  private mutating func readCommand() {
    if isValue() {
      let context: ShellContext =
        isSubscript ? .arithmetic : .word(besideSyntax: nameEnd == index || isBesideSyntax)
      value(context)
      return continueWord(quoted: true)
    }
    let character = take()!
    switch character {
    case "\\":
      if peek() == "\n" { index += 1 } else { escape() }
    case "'":
      readSingleQuotes()
      continueWord(quoted: true)
    case "\"":
      continueWord(quoted: true)
      push(.doubleQuotes)
    case "`":
      continueWord(quoted: true)
      readBackticks()
    case "$":
      continueWord(quoted: true)
      readDollar(inQuotes: false)
    case "\n":
      endWord()
      readDocuments()
    case " ", "\t": endWord()
    case "#" where top.isWordStart:
      while index < atoms.count, peek() != "\n" { if isValue() { value(.comment) } else { index += 1 } }
    case "<":
      endWord()
      if peek() == "<", peek(1) == "<" { index += 2 } else if peek() == "<" { readDocumentStart() }
    case ">", "|", "&", ";": endWord()
    case "(":
      let isArithmetic = top.isWordStart && peek() == "("
      endWord()
      if isArithmetic { index += 1 }
      push(isArithmetic ? .arithmetic : .parentheses)
    case ")": closeParenthesis()
    default:
      frames[frames.count - 1].word?.unicodeScalars.append(character)
      frames[frames.count - 1].isWordStart = false
    }
  }

  private mutating func closeParenthesis() {
    endWord()
    // Of a pattern of `case`.
    if top.kind == .top { return }
    if top.kind == .substitution, !documents.isEmpty { return lose("a here-document inside $(…)") }
    let isSubshell = top.kind == .parentheses
    frames.removeLast()
    if isSubshell, peek() == "#" { lose("')#'") }
  }

  private mutating func escape() {
    if isValue() { value(.refused("behind a backslash")) } else { index += 1 }
    continueWord(quoted: true)
  }

  private mutating func continueWord(quoted: Bool) {
    if quoted { frames[frames.count - 1].word = nil }
    frames[frames.count - 1].isWordStart = false
  }

  private mutating func endWord() {
    let word = top.word
    frames[frames.count - 1].word = ""
    frames[frames.count - 1].isWordStart = true
    switch word {
    case "[[": frames[frames.count - 1].isTest = true
    case "]]": frames[frames.count - 1].isTest = false
    case "case" where frames.contains { $0.kind == .substitution }:
      lose("'case' inside $(…), whose parentheses brake cannot tell apart")
    default: break
    }
  }

  /// `name[`, behind which the shell calculates.
  private var isSubscript: Bool {
    guard let word = top.word?.unicodeScalars, let bracket = word.firstIndex(of: "["),
      bracket > word.startIndex
    else { return false }
    return word[..<bracket].allSatisfy(ShellLexer.isName) && !word[bracket...].contains("]")
  }

  /// `2>`, `NAME=` and the like would come about by plain text, too.
  private var isBesideSyntax: Bool {
    index > 0 && atoms[index - 1] == "~"
      || index + 1 < atoms.count && atoms[index + 1].map { "<>=+[(}".unicodeScalars.contains($0) } == true
  }

  // MARK: Quotes

  private mutating func readSingleQuotes() {
    while index < atoms.count {
      if isValue() {
        value(.singleQuotes)
      } else {
        let character = take()
        if character == "'" { return }
        if character == "\n", !documents.isEmpty { return lose("a here-document before quotes") }
      }
    }
  }

  private mutating func readDoubleQuotes() {
    if isValue() { return value(.doubleQuotes(behindName: nameEnd == index)) }
    switch take() {
    case "\\": if isValue() { value(.refused("behind a backslash")) } else { index += 1 }
    case "\"": frames.removeLast()
    case "`": readBackticks()
    case "$": readDollar(inQuotes: true)
    case "\n" where !documents.isEmpty: lose("a here-document before quotes")
    default: break
    }
  }

  private mutating func readBackticks() {
    while index < atoms.count {
      if isValue() {
        value(.refused("inside backticks; $(…) does the same"))
      } else {
        let character = take()
        if character == "`" { return }
        if character == "\\" { index += isValue() ? 0 : 1 }
        if character == "\n", !documents.isEmpty { return lose("a here-document before backticks") }
      }
    }
  }

  // MARK: Expansions

  private mutating func readDollar(inQuotes: Bool) {
    guard index < atoms.count, let next = atoms[index] else { return }
    switch next {
    case "(":
      let isArithmetic = peek(1) == "("
      index += isArithmetic ? 2 : 1
      push(isArithmetic ? .arithmetic : .substitution)
    case "{":
      index += 1
      readBraces()
    case "[": lose("'$['")
    case "'" where !inQuotes:
      index += 1
      readEscapedQuotes()
    case "$", "!", "?", "#", "*", "@", "-", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9": index += 1
    default:
      while index < atoms.count, let next = atoms[index], ShellLexer.isName(next) {
        index += 1
        nameEnd = index
      }
    }
  }

  /// The rest of `${…}`.
  private mutating func readBraces() {
    var depth = 1
    while index < atoms.count {
      if isValue() {
        value(.refused("inside $\u{7B}…}"))
        continue
      }
      switch take() {
      case "}":
        depth -= 1
        if depth == 0 { return }
      case "{": depth += 1
      case "'", "\"", "`", "\\", "(", "\n": return lose("quotes or commands inside $\u{7B}…}")
      default: break
      }
    }
  }

  /// The rest of `$'…'`.
  private mutating func readEscapedQuotes() {
    while index < atoms.count {
      if isValue() {
        value(.refused("inside $'…'"))
        continue
      }
      switch take() {
      case "'": return
      case "\\" where peek() == "'": return lose("$'…\\'…'")
      case "\\": index += isValue() ? 0 : 1
      case "\n" where !documents.isEmpty: return lose("a here-document before quotes")
      default: break
      }
    }
  }

  private mutating func readArithmetic() {
    if isValue() { return value(.arithmetic) }
    switch take() {
    case "(": frames[frames.count - 1].depth += 1
    case ")" where top.depth > 0: frames[frames.count - 1].depth -= 1
    case ")":
      guard peek() == ")" else { return lose("'((' that is not closed by '))'") }
      index += 1
      frames.removeLast()
    case "$" where peek() == "(" && peek(1) != "(": lose("$(…) inside arithmetic")
    case "$": readDollar(inQuotes: true)
    case "'", "\"", "`", "\\": lose("quotes inside arithmetic")
    case "\n" where !documents.isEmpty: lose("a here-document before arithmetic")
    default: break
    }
  }

  // MARK: Here-documents

  /// Behind `<<`.
  private mutating func readDocumentStart() {
    index += 1
    let stripsTabs = peek() == "-"
    if stripsTabs { index += 1 }
    while peek() == " " || peek() == "\t" { index += 1 }
    var end: [Unicode.Scalar] = []
    var isExpanded = true
    while index < atoms.count, let character = atoms[index],
      !" \t\n;&|<>()".unicodeScalars.contains(character)
    {
      index += 1
      switch character {
      case "'", "\"":
        isExpanded = false
        while index < atoms.count, let inner = atoms[index], inner != character {
          if inner == "\\" || inner == "\n" || inner == "$" || inner == "`" { break }
          end.append(inner)
          index += 1
        }
        guard peek() == character else { return lose("the start of a here-document") }
        index += 1
      case "\\":
        isExpanded = false
        guard let next = peek(), next != "\n" else { return lose("the start of a here-document") }
        end.append(next)
        index += 1
      case "$", "`": return lose("the start of a here-document")
      default: end.append(character)
      }
    }
    if end.isEmpty || isValue() { return lose("the start of a here-document") }
    documents.append(
      Document(end: end, isExpanded: isExpanded, stripsTabs: stripsTabs, depth: frames.count))
  }

  /// Behind a line break.
  private mutating func readDocuments() {
    let starting = documents
    documents = []
    for document in starting {
      if document.depth != frames.count { return lose("a here-document inside parentheses") }
      readLines(of: document)
      if lost != nil { return }
    }
  }

  private mutating func readLines(of document: Document) {
    var isContinued = false
    var expansion = false
    while index < atoms.count {
      let end = atoms[index...].firstIndex(of: "\n") ?? atoms.endIndex
      var line = atoms[index..<end]
      if document.stripsTabs { line = line.drop { $0 == "\t" } }
      if !isContinued, line.count == document.end.count, zip(line, document.end).allSatisfy({ $0 == $1 }) {
        index = min(end + 1, atoms.count)
        return
      }
      if frames.contains(where: { $0.kind == .substitution }),
        zip(line, document.end).allSatisfy({ $0 == $1 }), line.count > document.end.count
      {
        return lose("the end of a here-document inside $(…)")
      }
      isContinued = false
      while index < end {
        if isValue() {
          let name = String(String.UnicodeScalarView(document.end))
          if expansion || nameEnd == index {
            value(.refused("behind an expansion in a here-document"))
          } else {
            value(.document(end: name, isExpanded: document.isExpanded))
          }
          continue
        }
        let character = take()
        if !document.isExpanded { continue }
        switch character {
        case "\\" where index == end: isContinued = true
        case "\\": if isValue() { value(.refused("behind a backslash")) } else { index += 1 }
        case "`": expansion = true
        case "$" where peek() == "(" || peek() == "{" || peek() == "[": expansion = true
        case "$": readDollar(inQuotes: true)
        default: break
        }
      }
      index = min(end + 1, atoms.count)
    }
  }

  // MARK: Atoms

  private var top: Frame { frames[frames.count - 1] }

  private mutating func push(_ kind: Frame.Kind) {
    var frame = Frame(kind)
    frame.isTest = top.isTest
    frames.append(frame)
  }

  private func isValue() -> Bool { index < atoms.count && atoms[index] == nil }

  /// The character that comes next, or `ahead` behind it; nil for a value and at the end.
  private func peek(_ ahead: Int = 0) -> Unicode.Scalar? {
    index + ahead < atoms.count ? atoms[index + ahead] : nil
  }

  private mutating func take() -> Unicode.Scalar? {
    defer { index += 1 }
    return atoms[index]
  }

  /// Takes a value. Behind a `$` it would become part of an expansion.
  private mutating func value(_ context: ShellContext) {
    var context = context
    if top.isTest { context = .test(context) }
    if index > 0, atoms[index - 1] == "$" { context = .refused("behind a '$'") }
    found.append(context)
    index += 1
  }

  private static func isName(_ character: Unicode.Scalar) -> Bool {
    character == "_" || character.isASCII && (character.properties.isAlphabetic || "0"..."9" ~= character)
  }

  private mutating func lose(_ what: String) { lost = what }
}
