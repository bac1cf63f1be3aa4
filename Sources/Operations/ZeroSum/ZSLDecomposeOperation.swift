internal import Actions
internal import Compute
internal import JSON

/// `zsl.decompose`
struct ZSLDecomposeOperation: Operation {
  static let skip = Parameter(
    "skip", default: 0, unit: "updates", in: 0...1 << 31,
    help:
      "pairs that begin before this update are the transient and left out, as are those that begin in the warm-up"
  )
  static let otherwise = Parameter(
    "otherwise", default: 0, unit: "updates", in: 0...1 << 31,
    help:
      "before and after which pairs are compared where the fit shows no deceleration; 0 for no comparison then"
  )
  static let window = Parameter(
    "window", default: 3, unit: "pairs", in: 1...100,
    help: "on each side of the deceleration point at most, the nearest ones")

  let name = "zsl.decompose"
  let revision = 8
  let summary =
    "Says how much of a deceleration comes from losses that change less, and how much from changes that cancel."
  let inputs = [
    InputDeclaration("changes", .many, help: "changes of losses of one run, as zsl.losses writes them"),
    InputDeclaration("fit", help: "the run's fit, as curve.fit gives it: where the loss decelerates"),
  ]
  let parameters: [any ParameterDeclaration] = [
    skip, otherwise, window, ZSLParameters.resamples, ZSLParameters.seed,
  ]
  let outputs = [
    OutputDeclaration(
      "result", file: "decomposition.json",
      help:
        "log(-dL) = log M + log(1 - D) of each pair whose loss falls, and how much each factor accounts for of what changes "
        + "from before t_d to after it, with 95 % intervals over sequences and t_d, the error of each difference, and how many "
        + "resamples have none")
  ]

  func run(_ context: OperationContext) async throws {
    let analysis = try CurveAnalysis(json: JSON(parsing: context.input("fit").bytes()))
    let changes = try context.inputs("changes").map { input in
      try context.checkCancellation()
      return try LossChanges(parsing: input.bytes(limit: TextInput.limit))
    }
    let decomposition = try RateDecomposition(
      changes,
      deceleration: step(of: analysis, otherwise: context[Self.otherwise]),
      skip: max(context[Self.skip], analysis.options.warmup ?? 0), window: context[Self.window],
      bootstrap: try ZSLParameters.bootstrap(context, sequences: changes.first?.sequences.count ?? 0))
    if let shares = decomposition.split?.change.shares {
      try context.log(
        "\(decomposition.run): cancellation accounts for \(shares.constructive) of the deceleration")
    }
    try context.write(Array(decomposition.json.pretty.utf8) + [UInt8(ascii: "\n")], to: "result")
  }

  private func step(of analysis: CurveAnalysis, otherwise chosen: Int) -> RateDecomposition.Deceleration? {
    if analysis.verdict == .deceleration {
      return .init(step: analysis.fit.curve.breakStep, interval: analysis.intervals?.breakStep)
    }
    return chosen > 0 ? .init(step: Double(chosen), isChosen: true) : nil
  }
}
