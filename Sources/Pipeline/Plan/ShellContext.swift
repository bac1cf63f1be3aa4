import Actions
import JSON
import System

/// Where a value stands in the text of a command, which decides how it is written there.
enum ShellContext: Hashable, Sendable {
  /// Outside of quotes. Beside some characters even the plainest text would get a meaning, and is quoted.
  case word(besideSyntax: Bool)
  /// Inside `"…"`, perhaps directly behind `$NAME`, which must not grow.
  case doubleQuotes(behindName: Bool)
  case singleQuotes
  /// In the lines of a here-document that ends with a line `end`; the shell expands them unless that was quoted.
  case document(end: String, isExpanded: Bool)
  case comment
  /// Where the shell calculates, and would execute commands that it finds in names.
  case arithmetic
  /// Inside `[[ … ]]`, some of whose operators calculate.
  indirect case test(ShellContext)
  /// In a text for a program that is no shell.
  case foreign
  /// Where it cannot be quoted, or brake cannot tell how.
  case refused(String)
}

/// Why a value cannot be written where it stands.
struct ShellRefusal: Error {
  let reason: String
}

extension ShellContext {
  /// What the shell reads as just this text.
  func writing(_ text: String) throws(ShellRefusal) -> String {
    switch self {
    case .word(let besideSyntax):
      let isPlain = ShellContext.isPlain(text) && !besideSyntax && !ShellContext.reserved.contains(text)
      return isPlain ? text : ShellContext.quoted(text)
    case .doubleQuotes(let behindName):
      return ShellContext.isPlain(text) && !behindName ? text : "\"\(ShellContext.quoted(text))\""
    case .singleQuotes:
      return text.replacing("'", with: "'\\''")
    case .document(let end, let isExpanded):
      // A line is compared with the end before anything in it is expanded.
      if text.isEmpty, !end.isEmpty { return "" }
      if text.contains(where: \.isNewline) || end.contains(text) {
        throw ShellRefusal(reason: "in a here-document, whose end it could be taken for")
      }
      return isExpanded ? ShellContext.escaped(text) : text
    case .comment:
      if text.utf8.contains(UInt8(ascii: "\n")) {
        throw ShellRefusal(reason: "in a comment, which its line break would end")
      }
      return text
    case .arithmetic:
      let digits = text.utf8.first == UInt8(ascii: "-") ? text.utf8.dropFirst() : text.utf8[...]
      guard !digits.isEmpty, digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
      else {
        throw ShellRefusal(reason: "where the shell calculates, and is no whole number")
      }
      return text
    case .test(let context):
      guard ShellContext.isPlain(text) || text.isEmpty else {
        throw ShellRefusal(reason: "inside [[ … ]], some of whose operators would execute what it holds")
      }
      return try context.writing(text)
    case .foreign:
      guard ShellContext.isPlain(text) || text.isEmpty else {
        throw ShellRefusal(reason: "in a text for a program whose way of quoting brake does not know")
      }
      return text
    case .refused(let reason):
      throw ShellRefusal(reason: reason)
    }
  }

  /// Letters, digits and a few signs that no shell gives a meaning to.
  private static func isPlain(_ text: String) -> Bool {
    !text.isEmpty
      && text.utf8.allSatisfy {
        switch $0 {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "_"),
          UInt8(ascii: "-"):
          true
        default: false
        }
      }
  }

  private static let reserved: Set<String> = [
    "case", "coproc", "do", "done", "elif", "else", "esac", "fi", "for", "function", "if", "in", "select",
    "then",
    "time", "until", "while",
  ]

  private static func quoted(_ text: String) -> String { ShellText.quoted(text) }

  private static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      if "\\$`".unicodeScalars.contains(scalar) { result += "\\" }
      result.unicodeScalars.append(scalar)
    }
    return result
  }
}

extension ShellContext {
  var json: JSON {
    switch self {
    case .word(let besideSyntax): ["word", .bool(besideSyntax)]
    case .doubleQuotes(let behindName): ["double", .bool(behindName)]
    case .singleQuotes: ["single"]
    case .document(let end, let isExpanded): ["document", .bool(isExpanded), .string(end)]
    case .comment: ["comment"]
    case .arithmetic: ["arithmetic"]
    case .test(let inner): ["test", inner.json]
    case .foreign: ["foreign"]
    case .refused(let reason): ["refused", .string(reason)]
    }
  }

  init(_ json: JSON, depth: Int) throws {
    let parts = json.array ?? []
    switch (parts.first?.string, parts.count) {
    case ("word", 2): self = .word(besideSyntax: parts[1].bool ?? true)
    case ("double", 2): self = .doubleQuotes(behindName: parts[1].bool ?? true)
    case ("single", 1): self = .singleQuotes
    case ("document", 3): self = .document(end: parts[2].string ?? "", isExpanded: parts[1].bool ?? true)
    case ("comment", 1): self = .comment
    case ("arithmetic", 1): self = .arithmetic
    case ("test", 2) where depth < 8: self = .test(try ShellContext(parts[1], depth: depth + 1))
    case ("foreign", 1): self = .foreign
    case ("refused", 2): self = .refused(parts[1].string ?? "")
    default: throw PipelineError("a place in a command is malformed")
    }
  }
}
