import Foundation
import Testing

/// Rules that no compiler checks: outputs have the same bits everywhere.
@Suite struct `Rules for the sources` {
  struct Line: Sendable {
    /// Path below `Sources`.
    let file: String
    let text: String
  }

  private static let folder = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().appending(path: "../../Sources").standardizedFileURL

  /// The lines of all sources with these endings, without comments.
  private static func lines(_ endings: Set<String>) throws -> [Line] {
    let files = try #require(FileManager.default.enumerator(atPath: folder.path))
    var lines: [Line] = []
    for case let file as String in files where endings.contains(String(file.split(separator: ".").last ?? ""))
    {
      let text = try String(contentsOf: folder.appending(path: file), encoding: .utf8)
      for line in text.split(whereSeparator: \.isNewline) {
        lines.append(Line(file: file, text: String(line.replacing(/\/\/.*/, with: ""))))
      }
    }
    return lines
  }

  /// Files whose calls reach no output, or are of functions of their own, and why.
  private static let allowed = ["Compute/Numerics/Elementary.swift": "it calls its own functions"]

  @Test func `Nothing is computed by the system's mathematical library, whose last bits differ`() throws {
    let name =
      #/(?:exp|exp2|exp10|expm1|log|log2|log10|log1p|logb|pow|sin|cos|sincos|tan|asin|acos|atan|atan2|sinh|cosh|tanh|asinh|acosh|atanh|erf|erfc|tgamma|lgamma|cbrt|hypot|fmod)f?/#
    let bare = #/(?:^|[^\w.])(?<call>\w+)\(/#
    let qualified = #/\b(?:Glibc|Foundation|Double|Float|CGFloat)\.(?<call>\w+)/#
    let builtin = #/\b__builtin_(?:elementwise_)?(?<call>\w+)\(/#
    func calls(_ text: String) -> [Substring] {
      text.matches(of: bare).map(\.call) + text.matches(of: qualified).map(\.call)
        + text.matches(of: builtin).map(\.call)
    }
    #expect(calls("let y = pow(x, 2) + Glibc.exp(z) - context.log(text)") == ["pow", "exp"])
    var used: Set<String> = []
    let all = try Self.lines(["swift", "c", "h"])
    #expect(all.count > 10_000)
    for line in all {
      #expect(
        !line.text.contains("import Foundation") && !line.text.contains("math.h"),
        "\(line.file): \(line.text)")
      let declaration = line.text.contains("func ") || line.text.contains("case ")
      // Texts hold formulas. One with an interpolation, which may hold a call, stays.
      let code = String(line.text.replacing(#/"[^"\\]*"/#, with: "\"\""))
      guard !declaration, calls(code).contains(where: { $0.wholeMatch(of: name) != nil }) else {
        continue
      }
      used.insert(line.file)
      #expect(
        Self.allowed[line.file] != nil,
        "\(line.file): '\(line.text)' calls the system's library: take Elementary's function, or say in this test why no output depends on it"
      )
    }
    #expect(used.isSuperset(of: Self.allowed.keys), "remove what is allowed and not there from this test")
  }

  @Test func `Whoever draws random numbers does so from a stream with a name`() throws {
    let argument = #/\bstream: (?<first>\w+)/#
    for line in try Self.lines(["swift"])
    where line.file.hasPrefix("Compute/") || line.file.hasPrefix("Operations/") {
      guard line.text.contains("random.") || line.text.contains("Philox") else { continue }
      for match in line.text.matches(of: argument) {
        #expect(
          ["Streams", "stream", "UInt32"].contains(match.first),
          "\(line.file): '\(line.text)' has no entry in Streams")
      }
    }
  }
}
