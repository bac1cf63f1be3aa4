internal import Artefacts
internal import Compute

/// The report: one file that needs no other, no script and no network. Well-formed XML as well as HTML.
struct Page: Sendable {
  /// A drawn figure and the artefacts that it comes from.
  struct Figure: Sendable {
    let svg: SVG
    let digest: Digest
    /// The numbers that it shows, if they are given.
    let data: (csv: [UInt8], digest: Digest)?
  }

  let title: String
  /// What the author says ahead of everything else; paragraphs are separated by empty lines.
  let introduction: String
  let runs: [ReportedRun]
  let comparison: (comparison: CurveComparison, digest: Digest)?
  var analysisResults = AnalysisResults()
  let figures: [Figure]
  /// The stages behind it that ran without a sandbox.
  var doubtful: [String] = []
  /// Those that went on from what an earlier attempt had saved.
  var resumed: [String] = []

  var bytes: [UInt8] {
    let sections = [
      summary, seeds, analyses, results, drawings, sensitivity, alternatives, notes, methods, provenance,
    ]
    return Markup.document(title: title, style: Page.style, sections: sections)
  }

  /// A number that carries its exact value and the artefact that it was read from.
  static func number(_ text: String, _ value: Double, from digest: Digest) -> Markup {
    "<data value=\"\(Format.exact(value))\" title=\"\(digest.description)\">\(text)</data>"
  }

  /// The name of an artefact's entry under Provenance.
  static func anchor(_ digest: Digest) -> String { "sha256-" + digest.short }

  /// A link to an artefact's entry under Provenance.
  static func reference(_ digest: Digest) -> Markup {
    "<a class=\"digest\" href=\"#\(anchor(digest))\" title=\"\(digest.description)\">\(digest.short)</a>"
  }

  /// A sentence with its symbols set as symbols.
  static func prose(_ text: String) -> Markup {
    symbols.reduce(Markup("\(text)")) { prose, symbol in
      Markup(verbatim: prose.text.replacing(symbol.plain, with: symbol.html.text))
    }
  }

  private static let symbols: [(plain: String, html: Markup)] =
    ["t_d", "L_d", "r_d"].compactMap { name in ResultColumn[name].map { (name, $0.html) } }
    + ["u,G", "u,g", "g"].map { ("C_\($0)", "<i>C</i><sub>\($0)</sub>") }

  static func section(_ id: String, _ heading: String, _ content: Markup) -> Markup {
    "<section id=\"\(id)\">\n<h2>\(heading)</h2>\n\(content)\n</section>"
  }

  /// A link that saves a file which the page itself holds.
  static func download(_ bytes: [UInt8], as file: String, type: String, _ text: String) -> Markup {
    let hex = Array("0123456789ABCDEF".utf8)
    var encoded: [UInt8] = []
    encoded.reserveCapacity(bytes.count + bytes.count / 4)
    for byte in bytes {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: ","), UInt8(ascii: "."), UInt8(ascii: "-"),
        UInt8(ascii: "_"):
        encoded.append(byte)
      default:
        encoded += [UInt8(ascii: "%"), hex[Int(byte >> 4)], hex[Int(byte & 15)]]
      }
    }
    let address = Markup(verbatim: String(decoding: encoded, as: UTF8.self))
    return "<a download=\"\(file)\" href=\"data:\(type);charset=utf-8,\(address)\">\(text)</a>"
  }
}
