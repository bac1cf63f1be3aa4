internal import Actions
internal import Compute
internal import JSON
internal import System

/// `curve.compare`
struct CurveCompareOperation: Operation {
  static let sizes = Parameter<[String: Double]>(
    "sizes", default: [:], unit: "parameters",
    help: "size of each run's model, by run, where it does not come from 'models'",
    constraint: "above 0", allows: { $0.values.allSatisfy { $0 > 0 } })

  let name = "curve.compare"
  let revision = 2
  let summary = "Puts the fits of several runs side by side, and against model size where it is given."
  let inputs = [
    InputDeclaration("fits", .many, help: "fits as curve.fit writes them"),
    InputDeclaration(
      "models", .many,
      help:
        "what lm.info says of the model of each fit, under the fit's key: its parameters without embeddings count"
    ),
  ]
  let parameters: [any ParameterDeclaration] = [sizes]
  let outputs = [
    OutputDeclaration(
      "comparison", file: "comparison.json",
      help:
        "L_d, t_d, r_d, predicted and actual L_T of each run, and their slopes against size in log-log: by least squares over sizes, of the "
        + "means over the runs that decelerate")
  ]

  func run(_ context: OperationContext) async throws {
    var analyses: [CurveAnalysis] = []
    let fits = context.inputs("fits")
    var runs: [String?: String] = [:]
    for fit in fits {
      try context.checkCancellation()
      let analysis = try CurveAnalysis(json: JSON(parsing: fit.bytes()))
      analyses.append(analysis)
      runs[fit.key] = analysis.curve.run
    }
    var sizes = context[Self.sizes]
    for model in context.inputs("models") {
      guard let run = runs[model.key] else {
        throw Failure(
          .malformed, "the input 'models' has '\(model.key ?? "")', which no fit has as its key",
          hint: "give 'fits' and 'models' the same instances")
      }
      guard let size = try JSON(parsing: model.bytes())["non_embedding_parameters"]?.double else {
        throw Failure(.malformed, "the model '\(model.key ?? "")' is not as lm.info writes it")
      }
      sizes[run] = size
    }
    let comparison = try CurveComparison(analyses, sizes: sizes)
    try context.write(comparison.json.canonicalBytes, to: "comparison")
  }
}
