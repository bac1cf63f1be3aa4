internal import Actions
internal import Artefacts
internal import Compute
internal import JSON
internal import System

/// The inputs and parameters that figures, tables and pages share.
enum ReportInputs {
  static let fits = InputDeclaration(
    "fits", .many, help: "the fit of each run, as JSON: what curve.fit gives")
  static let comparison = InputDeclaration(
    "comparison", .optional, help: "the runs against model size, as JSON: what curve.compare gives")

  static let labels = Parameter<[String: String]>(
    "labels", default: [:],
    help: "what readers call each run and group of runs, by its name; the name itself where none is given")
  static let runs = Parameter<[String]>(
    "runs", default: [],
    help:
      "the runs in their order, which is also that of their colours; runs that are not named follow. Name all runs "
      + "where a figure has only some, so that each keeps its colour")
  static let title = Parameter<String>(
    "title", default: "", help: "its title; a description where none is given")

  /// Larger inputs are no fits.
  static let largest = 256 << 20
  /// More runs are no report.
  static let mostRuns = 256
}

extension ReportedRun {
  /// The runs of the input `fits`, in order.
  ///
  /// - Throws: `Failure` if an input is no fit, there is none or too many, or two are of one run.
  static func read(_ context: OperationContext) throws -> [ReportedRun] {
    let inputs = context.inputs("fits")
    guard !inputs.isEmpty else {
      throw Failure(.malformed, "no fits are given", hint: "give the input 'fits' at least one fit")
    }
    guard inputs.count <= ReportInputs.mostRuns else {
      throw Failure(
        .malformed, "\(inputs.count) fits are given, and a report takes \(ReportInputs.mostRuns)")
    }
    let analyses = try inputs.map { input in
      (try input.result("fits") { try CurveAnalysis(json: $0) }, input.digest)
    }
    var order = context[ReportInputs.runs]
    for (analysis, _) in analyses where !order.contains(analysis.curve.run) {
      order.append(analysis.curve.run)
    }
    let labels = context[ReportInputs.labels]
    var runs: [ReportedRun] = []
    // Each has a colour; a run that this figure has not keeps its own.
    var groups: [String] = []
    for (index, name) in order.enumerated() {
      let found = analyses.filter { $0.0.curve.run == name }
      guard found.count <= 1, order.firstIndex(of: name) == index else {
        throw Failure(
          .malformed, "two of the runs are called '\(name.printable)'",
          hint: "give each run a name of its own")
      }
      guard let (analysis, digest) = found.first else {
        groups.append(name)
        continue
      }
      let group = analysis.curve.group
      if !groups.contains(group) { groups.append(group) }
      runs.append(
        ReportedRun(
          label: labels[name] ?? name, groupLabel: labels[group] ?? group,
          colour: Theme.run(groups.firstIndex(of: group) ?? 0), analysis: analysis, digest: digest))
    }
    return runs
  }
}

extension InputArtefact {
  /// - Parameter name: what messages call the input.
  func result<Result>(_ name: String, _ read: (JSON) throws -> Result) throws -> Result {
    do {
      return try read(try JSON(parsing: try bytes(limit: ReportInputs.largest)))
    } catch let error as JSONError {
      throw Failure(.malformed, "the input '\(name)' (\(digest)) is not JSON: \(error)")
    } catch let error as Failure where error.object == nil {
      throw Failure(
        .malformed, "the input '\(name)' (\(digest)) is none: \(error.headline)", facts: error.facts,
        hint: error.hint, cause: error)
    }
  }
}

extension CurveComparison {
  /// The input `comparison`, where there is one.
  static func read(_ context: OperationContext) throws -> (comparison: CurveComparison, digest: Digest)? {
    guard let input = context.optionalInput("comparison") else { return nil }
    return (try input.result("comparison") { try CurveComparison(json: $0) }, input.digest)
  }
}
