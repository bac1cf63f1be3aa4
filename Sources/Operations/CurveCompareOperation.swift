internal import Compute
internal import JSON
internal import Pipeline

/// `curve.compare`
struct CurveCompareOperation: Operation {
  static let sizes = Parameter<[String: Double]>(
    "sizes", default: [:], unit: "parameters", help: "size of each run's model, by run",
    constraint: "above 0", allows: { $0.values.allSatisfy { $0 > 0 } })

  let name = "curve.compare"
  let revision = 1
  let summary = "Puts the fits of several runs side by side, and against model size where it is given."
  let inputs = [InputDeclaration("fits", .many, help: "fits as curve.fit writes them")]
  let parameters: [any ParameterDeclaration] = [sizes]
  let outputs = [
    OutputDeclaration(
      "comparison", file: "comparison.json",
      help: "L_d, t_d, r_d, predicted and actual L_T of each run, and their slopes against size in log-log")
  ]

  func run(_ context: OperationContext) async throws {
    var analyses: [CurveAnalysis] = []
    for fit in context.inputs("fits") {
      try context.checkCancellation()
      analyses.append(try CurveAnalysis(json: JSON(parsing: fit.bytes())))
    }
    let comparison = try CurveComparison(analyses, sizes: context[Self.sizes])
    try context.write(comparison.json.canonicalBytes, to: "comparison")
  }
}
