internal import System

/// Well-formed XML in the making. What is interpolated into a literal is escaped, unless it is markup itself, so no text
/// from outside becomes markup:
///
///     let cell: Markup = "<td>\(name)</td>"
package struct Markup: Sendable, Hashable {
  package private(set) var text: String

  /// Text that is markup already.
  package init(verbatim text: String) { self.text = text }

  package static func + (a: Markup, b: Markup) -> Markup { Markup(verbatim: a.text + b.text) }
  package static func += (a: inout Markup, b: Markup) { a.text += b.text }

  /// Text as it may stand between tags and in attributes. Characters that XML has no place for become �, and those that
  /// turn the direction of writing are written out: no name shows what stands around it as something else.
  package static func escaped(_ text: String) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      case "\t", "\n": escaped.unicodeScalars.append(scalar)
      case "\u{0}"..<"\u{20}", "\u{7F}"..<"\u{A0}", "\u{FFFE}", "\u{FFFF}": escaped += "\u{FFFD}"
      case "\u{61C}", "\u{200E}", "\u{200F}", "\u{202A}"..."\u{202E}", "\u{2066}"..."\u{2069}":
        escaped += scalar.escape
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }

  /// The text that `escaped` gave these characters for.
  package static func unescaped(_ text: String) -> String {
    var result = ""
    var rest = text[...]
    while let ampersand = rest.firstIndex(of: "&") {
      result += rest[..<ampersand]
      rest = rest[ampersand...]
      let entity = entities.first { rest.hasPrefix($0.name) } ?? (name: "&", character: "&")
      result += entity.character
      rest = rest.dropFirst(entity.name.count)
    }
    return result + rest
  }

  private static let entities = [
    (name: "&lt;", character: "<"), (name: "&gt;", character: ">"), (name: "&quot;", character: "\""),
    (name: "&amp;", character: "&"),
  ]
}

extension Markup: ExpressibleByStringInterpolation {
  package init(stringLiteral value: String) { text = value }
  package init(stringInterpolation: Interpolation) { text = stringInterpolation.text }

  package struct Interpolation: StringInterpolationProtocol {
    var text = ""

    package init(literalCapacity: Int, interpolationCount: Int) { text.reserveCapacity(literalCapacity * 2) }

    package mutating func appendLiteral(_ literal: String) { text += literal }
    package mutating func appendInterpolation(_ markup: Markup) { text += markup.text }
    package mutating func appendInterpolation(_ string: some StringProtocol) {
      text += Markup.escaped(String(string))
    }
    package mutating func appendInterpolation(_ number: Int) { text += String(number) }
  }
}

extension Sequence where Element == Markup {
  package func joined(separator: Markup = "") -> Markup {
    Markup(verbatim: map(\.text).joined(separator: separator.text))
  }
}
