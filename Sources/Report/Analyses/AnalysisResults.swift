internal import Actions
internal import Artefacts
internal import Compute
internal import JSON
internal import System

/// The results of all analyses, of one run or several.
struct AnalysisResults: Sendable {
  /// By the input's name, each with the artefact that it was read from, in the order of their steps.
  private let found: [String: [(result: any ReportedResult, digest: Digest)]]

  /// None.
  init() { found = [:] }

  private init(found: [String: [(result: any ReportedResult, digest: Digest)]]) { self.found = found }

  /// - Throws: `Failure` if an input is no result of its analysis.
  init(_ context: OperationContext) throws {
    var found: [String: [(result: any ReportedResult, digest: Digest)]] = [:]
    for analysis in ReportedAnalyses.all {
      found[analysis.input.name] = try analysis.results(of: context).sorted {
        $0.result.step < $1.result.step
      }
    }
    self.found = found
  }

  /// All that an analysis has found.
  subscript<Analysis: ReportedAnalysis>(_: Analysis.Type) -> [(result: Analysis.Result, digest: Digest)] {
    (found[Analysis.input.name] ?? []).compactMap { found in
      (found.result as? Analysis.Result).map { ($0, found.digest) }
    }
  }

  /// What it has found of a run, but for the start, which has no place on a logarithmic axis.
  func later<Analysis: ReportedAnalysis>(
    _ analysis: Analysis.Type, of run: ReportedRun
  ) -> [Analysis.Result] {
    self[analysis].map(\.result).filter { $0.run == run.name && $0.step > 0 }
  }

  /// The last of a run, with the artefact that it was read from.
  func last<Analysis: ReportedAnalysis>(
    _ analysis: Analysis.Type, of run: ReportedRun
  ) -> (result: Analysis.Result, digest: Digest)? {
    self[analysis].last { $0.result.run == run.name && $0.result.step > 0 }
  }

  /// Of each analysis, only what is of the start, of the whole training, or of a step at which all of the runs have a result that
  /// have any: pooled over seeds, their last results are then of one step.
  func common(to runs: [ReportedRun]) -> AnalysisResults {
    let names = Set(runs.map(\.name))
    return AnalysisResults(
      found: found.mapValues { found in
        let ofRuns = found.filter { names.contains($0.result.run) }
        let later = Dictionary(grouping: ofRuns.filter { $0.result.step > 0 }, by: \.result.run)
        let steps = later.values.map { Set($0.map(\.result.step)) }
        let common = steps.dropFirst().reduce(steps.first ?? []) { $0.intersection($1) }
        return ofRuns.filter { $0.result.step == 0 || common.contains($0.result.step) }
      })
  }

  func isEmpty(_ analysis: any ReportedAnalysis.Type) -> Bool { found[analysis.input.name]?.isEmpty != false }
}

extension ReportedAnalysis {
  fileprivate static func results(
    of context: OperationContext
  ) throws -> [(result: any ReportedResult, digest: Digest)] {
    try context.inputs(input.name).map { artefact in
      try context.checkCancellation()
      return (try artefact.result(input.name) { try Result(json: $0) }, artefact.digest)
    }
  }
}
