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
