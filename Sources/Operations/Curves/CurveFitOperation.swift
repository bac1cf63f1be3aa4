internal import Actions
internal import Compute
internal import JSON

/// `curve.fit`
struct CurveFitOperation: Operation {
  static let skip = Parameter(
    "skip", default: 100, unit: "steps", in: CurveAnalysis.Options.steps,
    help: "the transient: points up to this step are not fitted")
  static let warmup = Parameter(
    "warmup", default: 0, unit: "steps", in: CurveAnalysis.Options.steps,
    help: "learning-rate warm-up of the run; 0 if it is not known")
  static let bootstrap = Parameter(
    "bootstrap", default: 500, unit: "resamples", help: "for the intervals; 0 for none",
    constraint: ZSLParameters.enoughResamples, allows: ZSLParameters.isEnough)
  static let seed = Parameter("seed", default: 0, help: "what the resamples are drawn from")
  static let starts = Parameter("starts", default: 60, in: 1...10_000, help: "of the search for the optimum")

  let name = "curve.fit"
  let revision = 15
  let summary =
    "Fits a power law with one break, with intervals, rival laws and a verdict (Mircea et al., ACL 2025)."
  let inputs = [InputDeclaration("curve", help: "a curve as curve.prepare writes it")]
  let parameters: [any ParameterDeclaration] = [skip, warmup, bootstrap, seed, starts]
  let outputs = [
    OutputDeclaration(
      "fit", file: "fit.json",
      help:
        "parameters, L_d, t_d, r_d, intervals, those of the losses before they were smoothed, sensitivity, what each law makes of it (with intervals of the breaks that are found), verdict, and the points"
    )
  ]

  func run(_ context: OperationContext) async throws {
    let prepared = try PreparedCurve(json: JSON(parsing: context.input("curve").bytes()))
    let warmup = context[Self.warmup]
    let options = CurveAnalysis.Options(
      skip: context[Self.skip], warmup: warmup > 0 ? warmup : nil, resamples: context[Self.bootstrap],
      seed: context[Self.seed], starts: context[Self.starts])
    let analysis = try CurveAnalysis.run(prepared, options: options) { context.progress($0, $1) }
    try context.log("\(prepared.run): \(analysis.verdict.rawValue)")
    for reason in analysis.reasons { try context.log("  \(reason)") }
    try context.write(analysis.json.canonicalBytes, to: "fit")
  }
}
