internal import Actions
internal import Artefacts
internal import Compute

/// Gradient dissent at the final hidden state.
enum DissentReport: ReportedAnalysis {
  typealias Result = DissentResult

  static let input = InputDeclaration(
    "dissent", .many, help: "gradient dissent of checkpoints: the output 'result' of zsl.dissent")
  static let figures = [
    ReportedFigure("dissent", help: "gradient dissent") { $0.dissent }
  ]

  static let replicated = [
    ReplicatedQuantity("dissent at the last checkpoint", name: "dissent_last") { run, results in
      results.last(DissentReport.self, of: run).map { found, digest in
        .init(value: found.dissent, interval: found.dissentInterval, digest: digest, step: found.step)
      }
    }
  ]

  static func text(on page: Page, _ results: AnalysisResults) -> Markup { page.dissent(results) }

  static func findings(
    _ runs: [ReportedRun], _ comparison: CurveComparison?, _ results: AnalysisResults
  ) -> [FindingsTable.Row] {
    let trends = results.dissentTrends(of: runs)
    return trends.compactMap { group, trend in
      trend.row("dissent_change", of: group, trend.change, comparisons: trends.count)
    }
  }
}

extension DissentResult: ReportedResult {}

extension AnalysisResults {
  var dissent: [(result: DissentResult, digest: Digest)] { self[DissentReport.self] }

  func dissent(of run: ReportedRun) -> [DissentResult] { later(DissentReport.self, of: run) }

  /// Whether dissent is larger at the last checkpoint than at the first, in the mean over trainings that differ in their seed alone.
  fileprivate func dissentChanges(of runs: [ReportedRun]) -> [SeedChange] {
    let trends = dissentTrends(of: runs)
    return trends.compactMap { group, trend in
      trend.change.flatMap { change in
        change.probabilityOfZero.map {
          SeedChange(group, change, probability: $0, comparisons: trends.count)
        }
      }
    }
  }

  /// Of the groups with several seeds.
  fileprivate func dissentTrends(of runs: [ReportedRun]) -> [(group: SeedGroup, trend: SeedTrend)] {
    SeedGroup.groups(of: runs).compactMap { group in
      SeedTrend(group.runs) { run in
        dissent.filter { $0.result.run == run.name }.map { ($0.result.step, $0.result.dissent, $0.digest) }
      }.map { (group, $0) }
    }.filter { $0.trend.change?.probabilityOfZero != nil }
  }
}

extension AnalysisFigures {
  /// Dissent, the norms of attraction and repulsion, and what is left of them, against the step.
  var dissent: Figure {
    func traces(_ point: (DissentResult) -> Trace.Point?) -> [Trace] {
      runs.map {
        Trace(
          name: $0.label, legendName: $0.groupLabel, colour: $0.colour,
          points: results.dissent(of: $0).compactMap(point))
      }
    }
    let panels = [
      TracePanel(
        label: "dissent", traces: traces { Trace.Point($0.step, $0.dissent, $0.dissentInterval) },
        marks: marks),
      TracePanel(
        label: "mean ‖{/:Italic a}‖ and ‖{/:Italic r}‖",
        traces: traces { Trace.Point($0.step, $0.attraction, nil) }
          + runs.map { run in
            Trace(
              name: "repulsion", colour: run.colour,
              points: results.dissent(of: run).compactMap { Trace.Point($0.step, $0.repulsion, nil) },
              isDashed: true)
          }, marks: marks),
      TracePanel(
        label: "‖{/:Italic a} + {/:Italic r}‖ / (‖{/:Italic a}‖ + ‖{/:Italic r}‖)",
        traces: traces {
          let norms = $0.attraction + $0.repulsion
          return Trace.Point($0.step, norms > 0 ? $0.gradient / norms : nil, nil)
        }, marks: marks),
    ]
    return .traces(
      panels, title: "Gradient dissent over training",
      caption:
        "At the final hidden state a token's gradient is attraction a to its target and repulsion r from all other tokens; "
        + "dissent is −cos(a, r), total at 1. Left: mean over tokens, with 95 % intervals over sequences, "
        + "where these are at least \(SequenceBootstrap.fewest). "
        + "Middle: the mean lengths of both, that of r dashed. Right: how much of them is left where they add up."
        + dotted,
      findings: range("dissent", { results.dissent(of: $0).map(\.dissent) }), columns: 3, width: width)
  }
}

extension Page {
  fileprivate func dissent(_ results: AnalysisResults) -> Markup {
    let items = runs.compactMap { run -> Markup? in
      let found = results.dissent.filter { $0.result.run == run.name }
      guard let first = found.first, let last = found.last, found.count > 1 else { return nil }
      func value(_ found: (result: DissentResult, digest: Digest)) -> Markup {
        Page.number(Format.significant(found.result.dissent, 3), found.result.dissent, from: found.digest)
      }
      let greatest = found.max { $0.result.dissent < $1.result.dissent } ?? last
      let peak: Markup =
        greatest.result.step == first.result.step || greatest.result.step == last.result.step
        ? "" : ", at most \(value(greatest)) at step \(Format.grouped(greatest.result.step))"
      let total = Page.number(
        "\(Format.significant(100 * last.result.total, 2)) %", last.result.total, from: last.digest)
      let from = last.result.totalFrom.map { " (from \(Format.short($0)) on)" } ?? ""
      return """
        \(run.label) from \(value(first)) at step \(Format.grouped(first.result.step)) to \(value(last)) at step \
        \(Format.grouped(last.result.step)), then total\(from) for \(total) of the tokens\(peak)
        """
    }
    guard !items.isEmpty else { return "" }
    return """

      <p>Gradient dissent, −cos between attraction to the target and repulsion from all other tokens at the final hidden \
      state, goes in the mean over tokens: \(items.joined(separator: "; ")).\(overSeeds(results))</p>
      """
  }

  private func overSeeds(_ results: AnalysisResults) -> Markup {
    let changes = results.dissentChanges(of: runs)
    guard !changes.isEmpty else { return "" }
    let items = changes.map { change -> Markup in
      return switch change.direction {
      case .up: "it rises for \(change.group.label), by \(change.size)"
      case .down: "it falls for \(change.group.label), by \(change.size)"
      case .neither: "it is not found to rise or fall for \(change.group.label) (\(change.size))"
      }
    }
    return
      " From the first checkpoint to the last and in the mean over seeds, \(items.joined(separator: "; ")) \(SeedChange.test(changes))."
  }
}
