internal import Actions
internal import Compute
internal import JSON
internal import System

/// What the report shows of one analysis: the results that it reads, the figures that it can draw, and what the page says.
/// A new one is a file with a type like this, and its name in `ReportedAnalyses.all`.
protocol ReportedAnalysis: SendableMetatype {
  associatedtype Result: ReportedResult
  /// Its results, a JSON file each.
  static var input: InputDeclaration { get }
  static var section: PageSection { get }
  static var figures: [ReportedFigure] { get }
  /// Numbers of a run that are compared between seeds.
  static var replicated: [ReplicatedQuantity] { get }
  /// Numbers that are of no single run, and the tests that the page's sentences rely on, for the table of findings.
  /// - Parameter comparison: of the runs with model sizes; nil where none is given.
  static func findings(
    _ runs: [ReportedRun], _ comparison: CurveComparison?, _ results: AnalysisResults
  ) -> [FindingsTable.Row]

  /// What the numbers say, in words: paragraphs and lists that begin with a line break; nothing where there are none.
  static func text(on page: Page, _ results: AnalysisResults) -> Markup
}

extension ReportedAnalysis {
  static var section: PageSection { .zeroSum }
  static var figures: [ReportedFigure] { [] }
  static var replicated: [ReplicatedQuantity] { [] }
  static func findings(
    _ runs: [ReportedRun], _ comparison: CurveComparison?, _ results: AnalysisResults
  ) -> [FindingsTable.Row] { [] }
}

/// The analyses in the order in which the page speaks of them.
enum ReportedAnalyses {
  static let all: [any ReportedAnalysis.Type] = [
    DecompositionReport.self, LossChangesReport.self, SingleUpdatesReport.self,
    GradientInterferenceReport.self, PredictionReport.self, DissentReport.self, AlignmentReport.self,
    SpectraReport.self, RankingReport.self,
  ]

  static var inputs: [InputDeclaration] { all.map { $0.input } }
  static var figures: [ReportedFigure] { all.flatMap { $0.figures } }
}

/// A result of an analysis, at one step of one run.
protocol ReportedResult: Sendable {
  var run: String { get }
  var step: Int { get }
  init(json: JSON) throws(Failure)
}

/// A figure by the name that pipelines draw it by.
struct ReportedFigure: Sendable {
  let name: String
  let help: String
  let draw: @Sendable (AnalysisFigures) -> Figure
  /// The numbers that it shows, where they are not those of its series.
  let data: (@Sendable (AnalysisFigures) -> [UInt8])?

  init(
    _ name: String, help: String, data: (@Sendable (AnalysisFigures) -> [UInt8])? = nil,
    draw: @escaping @Sendable (AnalysisFigures) -> Figure
  ) {
    self.name = name
    self.help = help
    self.draw = draw
    self.data = data
  }
}

/// A section of the page in which analyses speak.
struct PageSection: Sendable, Hashable {
  let id: String
  let heading: String
  let introduction: Markup

  static let zeroSum = PageSection(
    id: "zero-sum", heading: "Zero-sum learning",
    introduction: """
      <p>Of the changes <i>δℓ</i> of the tokens' losses between two checkpoints, <i>D</i> says how far they \
      cancel (0: none, 1: all), <i>M</i> how large they are on average, and \
      <span class="unit">|Δ<i>L</i>| = <i>M</i> (1 − <i>D</i>)</span> what is left of them for the mean loss [1].</p>
      """)

  static let layers = PageSection(
    id: "layers", heading: "Layer by layer",
    introduction: """
      <p>What happens in the parts of a model: its embedding, the attention and the feed-forward part of each layer, and its \
      output; and in its weight matrices.</p>
      """)
}
