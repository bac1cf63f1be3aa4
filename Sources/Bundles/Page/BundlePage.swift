import Actions
import Artefacts
import JSON
import Pipeline
import Report
import Runs
import System

/// The page over a bundle: one file that needs no script and no network, and shows what stands beside it. Whatever a name or a
/// log holds is text in it.
struct BundlePage {
  let contents: BundleContents
  let store: Store
  let numbers: ReportNumbers
  /// The page among the results that is shown.
  let report: WrittenResult?
  /// By digest: what an artefact is called first.
  let names: [Digest: String]

  /// Bytes of a page whose numbers are looked for.
  private static let largestReport = 16 << 20

  init(_ contents: BundleContents, _ store: Store) throws {
    self.contents = contents
    self.store = store
    let pages = contents.results.filter {
      $0.artefact.kind == .blob && $0.path.lowercased().hasSuffix(".html")
        && $0.artefact.size <= BundlePage.largestReport
    }
    report = pages.first { $0.path.lowercased().hasSuffix("report.html") } ?? pages.first
    numbers = ReportNumbers(
      try report.map { try store.bytes(of: $0.artefact.digest, limit: BundlePage.largestReport) } ?? [])
    let sources = contents.analysis.sources.map { ($0.artefact.digest, $0.path) }
    let made = contents.analysis.stages.flatMap { stage in
      stage.record.outputs.map { ($0.artefact.digest, stage.name(of: $0)) }
    }
    names = Dictionary(made + sources, uniquingKeysWith: { first, _ in first })
  }

  var bytes: [UInt8] {
    let title = contents.title
    let sections = [
      introduction, reportSection, resultsSection, graphSection, sourcesSection, artefactsSection,
      actionsSection, numbersSection, checkSection,
    ]
    return Markup.document(
      title: title.name.printable, allowing: "; img-src 'self' file:; frame-src 'self' file:",
      style: BundlePage.style, sections: sections)
  }

  // MARK: Parts

  static func section(_ id: String, _ heading: String, _ content: Markup) -> Markup {
    "<section id=\"\(id)\">\n<h2>\(heading)</h2>\n\(content)\n</section>"
  }

  static func table(_ columns: [Markup], _ rows: [Markup]) -> Markup {
    """
    <div class="table"><table>
    <thead><tr>\(columns.map { "<th>\($0)</th>" as Markup }.joined())</tr></thead>
    <tbody>
    \(rows.joined(separator: "\n"))
    </tbody>
    </table></div>
    """
  }

  /// The name of an artefact's row.
  static func anchor(_ digest: Digest) -> String { "sha256-" + digest.hex }

  /// The attribute that makes a row the artefact's: of several rows the first.
  static func anchor(_ digest: Digest, _ seen: inout Set<Digest>) -> Markup {
    seen.insert(digest).inserted ? " id=\"\(anchor(digest))\"" : ""
  }

  static func anchor(ofAction key: Digest) -> String { "action-" + key.hex }
  static func anchor(ofStage stage: String) -> String {
    "stage-" + stage.addressEscaped.replacing("%", with: ".")
  }

  /// A link to an artefact's row.
  func reference(_ digest: Digest) -> Markup {
    guard names[digest] != nil || contents.analysis.given.contains(where: { $0.digest == digest }) else {
      return "<code title=\"\(digest.description)\">\(digest.short)</code>"
    }
    return
      "<a class=\"digest\" href=\"#\(BundlePage.anchor(digest))\" title=\"\(digest.description)\">\(digest.short)</a>"
  }

  /// A link to what stands at a path of the bundle.
  static func link(_ path: String, _ text: some StringProtocol) -> Markup {
    "<a href=\"\(path.addressEscaped)\">\(String(text).printable)</a>"
  }

  /// `1,234,567`
  static func size(_ bytes: Int) -> String {
    var digits = String(bytes)
    var index = digits.count - 3
    while index > 0 {
      digits.insert(",", at: digits.index(digits.startIndex, offsetBy: index))
      index -= 3
    }
    return digits
  }

  static func count(_ number: Int, _ one: String, _ many: String? = nil) -> String {
    "\(size(number)) \(number == 1 ? one : many ?? one + "s")"
  }
}
