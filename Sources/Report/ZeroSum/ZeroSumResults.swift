internal import Artefacts
internal import Compute
internal import JSON
internal import Pipeline

/// The results of the analyses of zero-sum learning, of one run or several.
struct ZeroSumResults: Sendable {
  static let losses = InputDeclaration(
    "losses", .many, help: "changes of losses between checkpoints t and 2t: the output 'result' of zsl.losses"
  )
  static let steps = InputDeclaration(
    "steps", .many, help: "single updates from checkpoints: the output 'result' of zsl.step")
  static let dissent = InputDeclaration(
    "dissent", .many, help: "gradient dissent of checkpoints: the output 'result' of zsl.dissent")
  static let decompositions = InputDeclaration(
    "decompositions", .many, help: "decelerations split into factors, one each run: what zsl.decompose gives")
  static let gradients = InputDeclaration(
    "gradients", .many,
    help:
      "interference in gradients of checkpoints: the output 'result' of zsl.gradients"
  )
  static let predictions = InputDeclaration(
    "predictions", .many,
    help:
      "changes of single tokens' losses as predicted and as measured: the output 'result' of zsl.prediction")
  static let inputs = [losses, steps, dissent, decompositions, gradients, predictions]

  /// Each with the artefact that it was read from, in the order of their steps.
  let losses: [(result: LossChangeResult, digest: Digest)]
  let steps: [(result: StepResult, digest: Digest)]
  let dissent: [(result: DissentResult, digest: Digest)]
  let decompositions: [(result: RateDecomposition, digest: Digest)]
  let gradients: [(result: GradientResult, digest: Digest)]
  let predictions: [(result: PredictionResult, digest: Digest)]

  /// - Throws: `ReportError` if an input is none of these.
  init(_ context: OperationContext) throws {
    func read<Result>(_ input: InputDeclaration, _ result: (JSON) throws -> Result) throws -> [(
      Result, Digest
    )] {
      try context.inputs(input.name).map { artefact in
        try context.checkCancellation()
        return (try artefact.result(input.name, result), artefact.digest)
      }
    }
    losses = try read(Self.losses) { try LossChangeResult(json: $0) }.sorted { $0.0.from < $1.0.from }
    steps = try read(Self.steps) { try StepResult(json: $0) }.sorted { $0.0.step < $1.0.step }
    dissent = try read(Self.dissent) { try DissentResult(json: $0) }.sorted { $0.0.step < $1.0.step }
    decompositions = try read(Self.decompositions) { try RateDecomposition(json: $0) }
    gradients = try read(Self.gradients) { try GradientResult(json: $0) }.sorted { $0.0.step < $1.0.step }
    predictions = try read(Self.predictions) { try PredictionResult(json: $0) }.sorted {
      $0.0.step < $1.0.step
    }
  }

  func losses(of run: ReportedRun) -> [LossChangeResult] {
    losses.map(\.result).filter { $0.run == run.name && $0.from > 0 }
  }
  func steps(of run: ReportedRun) -> [StepResult] {
    steps.map(\.result).filter { $0.run == run.name && $0.step > 0 }
  }
  func dissent(of run: ReportedRun) -> [DissentResult] {
    dissent.map(\.result).filter { $0.run == run.name && $0.step > 0 }
  }
  func gradients(of run: ReportedRun) -> [GradientResult] {
    gradients.map(\.result).filter { $0.run == run.name && $0.step > 0 }
  }
  func predictions(of run: ReportedRun) -> [PredictionResult] {
    predictions.map(\.result).filter { $0.run == run.name && $0.step > 0 }
  }
  func decomposition(of run: ReportedRun) -> RateDecomposition? {
    decompositions.first { $0.result.run == run.name }?.result
  }
}
