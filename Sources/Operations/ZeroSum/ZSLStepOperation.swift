internal import Actions
internal import Compute
internal import JSON
internal import Safetensors
internal import System

/// `zsl.step`
struct ZSLStepOperation: Operation {
  static let batches = Parameter(
    "batches", default: 5, in: 1...1000,
    help:
      "that a step is made on, each from the same checkpoint; the first is the one that the training takes next"
  )
  static let learningRate = Parameter(
    "learning_rate", default: 0, in: 0...1e6,
    help: "at its peak, as the training had it; 0 for that of 'model'")
  static let steps = Parameter(
    "steps", default: 0, unit: "updates", in: 0...1 << 31,
    help:
      "of the whole training: where cosine or cool-down end. A checkpoint at the end is given one more update of the last rate"
  )
  static let clip = Parameter(
    "clip", default: 0, in: 0...1e30,
    help: "largest norm of the gradient over all parameters, as the training had it; 0 for none, as published"
  )

  let name = "zsl.step"
  let revision = 1
  let summary =
    "Makes one update from a checkpoint and measures how far the changes of the tokens' losses cancel."
  let inputs = [
    InputDeclaration("checkpoint", help: "a member of the output 'checkpoints' of lm.train"),
    InputDeclaration("state", help: "the member of the output 'states' of the same key"),
    InputDeclaration("train", help: "the tokens that were trained on"),
    InputDeclaration("tokens", help: "tokens for evaluation"),
  ]
  let parameters: [any ParameterDeclaration] = [
    ZSLParameters.run, batches, LMTrainOperation.model, learningRate, LMParameters.warmup,
    LMParameters.startFactor, LMParameters.schedule, LMParameters.cooldown, LMParameters.floor, steps,
    LMParameters.batch, LMParameters.dataSeed, LMParameters.optimiser,
    LMParameters.betas, LMParameters.epsilon, LMParameters.alpha, LMParameters.slowWarmup,
    LMParameters.othersRate,
    LMParameters.weightDecay, clip, LMWindows.context,
    LMWindows.limit,
  ]
  let outputs = [
    OutputDeclaration(
      "deltas", file: ".safetensors", keyed: true,
      help: "for each batch, from 1: what every parameter has changed by, under its name"),
    OutputDeclaration(
      "losses", file: "losses.safetensors",
      help:
        "nats, float32: 'train.before' and 'train.after' [batch, token], 'evaluation.before' [token] and "
        + "'evaluation.after' [batch, token]"),
    OutputDeclaration(
      "result", file: "step.json",
      help:
        "D, M and the change of the mean loss of each batch and of the evaluation, with mean and deviation"),
  ]

  func validate(_ parameters: ParameterValues) throws(ParameterError) {
    _ = try LMOptimiser.rule(parameters)
    let isCosine = parameters[LMParameters.schedule] == "cosine"
    guard parameters[Self.steps] > 0 || !isCosine && parameters[LMParameters.cooldown] == 0 else {
      throw ParameterError(
        "steps", "has to be given: the learning rate goes down towards the end of the training")
    }
    do { _ = try Self.schedule(parameters) } catch {
      throw ParameterError("schedule", "cannot be as it is: \(error.headline)")
    }
    guard
      parameters[LMTrainOperation.model] != LMTrainOperation.configuration
        || parameters[Self.learningRate] > 0
    else { throw ParameterError("learning_rate", "has to be given: a configuration has none") }
  }

  func run(_ context: OperationContext) async throws {
    let trial = try Trial(context)
    let before = try trial.evaluate(trial.weights)
    var steps: [JSON] = []
    var (train, evaluation): ([LossInterference], [LossInterference]) = ([], [])
    var losses: [String: [Float]] = ["evaluation.before": before]
    for number in 1...context[Self.batches] {
      let step = try trial.step(number)
      let after = try trial.evaluate(step.weights)
      train.append(LossInterference(zip(step.before, step.after).map { $1 - $0 }))
      evaluation.append(LossInterference(zip(before, after).map { $1 - $0 }))
      losses["train.before", default: []] += step.before
      losses["train.after", default: []] += step.after
      losses["evaluation.after", default: []] += after
      steps.append([
        "batch": .integer(Int64(number)), "gradient_norm": .number(step.gradientNorm),
        "clip_factor": .number(step.clipFactor),
        "delta_norm": .number(GradientClip.norm(step.delta, threads: Threads(of: context))),
        "train": .object(train[number - 1].members), "evaluation": .object(evaluation[number - 1].members),
      ])
      try LMCheckpoint(step.delta).write(to: context.path(of: "deltas", key: "\(number)"))
      context.progress(Double(number) / Double(context[Self.batches]), "batch \(number)")
    }
    try write(losses, batches: train.count, context)
    let result: JSON = [
      "run": .string(context[ZSLParameters.run]), "step": .integer(Int64(trial.updates)),
      "learning_rate": .number(trial.learningRate), "clip": .number(context[Self.clip]),
      "batches": .array(steps), "train": InterferenceSpread(train).json,
      "evaluation": InterferenceSpread(evaluation).json,
    ]
    try context.write(Array(result.pretty.utf8) + [UInt8(ascii: "\n")], to: "result")
  }

  private func write(_ losses: [String: [Float]], batches: Int, _ context: OperationContext) throws {
    let output = try FileOutput(context.path(of: "losses"))
    let tensors = losses.map { name, values in
      (name, DType.float32, name == "evaluation.before" ? [values.count] : [batches, values.count / batches])
    }
    try SafetensorsWriter(tensors).write(
      { tensor, emit in try losses[tensor.name]?.withUnsafeBytes(emit) }, to: { try output.write($0) })
  }

  /// That of the training.
  fileprivate static func schedule(_ parameters: ParameterValues) throws(Failure) -> Schedule {
    let size = LMSize.all.first { $0.name == parameters[LMTrainOperation.model] }
    let given = parameters[learningRate]
    let changes = parameters[LMParameters.schedule] == "cosine" || parameters[LMParameters.cooldown] > 0
    return try Schedule(
      parameters, peak: given > 0 ? given : size?.learningRate ?? 0, end: changes ? parameters[steps] : 0)
  }
}

/// A checkpoint from which single updates are made.
private struct Trial {
  let weights: Parameters
  /// Made before.
  let updates: Int
  let learningRate: Double
  private let context: OperationContext
  private let state: SafetensorsFile
  private let rule: Optimiser.Rule
  private let tokens: [UInt32]
  private let batches: Batches
  private let windows: LMWindows
  private let transformer: Transformer

  init(_ context: OperationContext) throws {
    self.context = context
    weights = try LMCheckpoint(context.input("checkpoint")).weights
    state = try LMCheckpoint.file(context.input("state"))
    rule = try LMOptimiser.rule(context.parameters)
    updates = try Self.optimiser(rule, weights.model, state, context).step
    let end = context[ZSLStepOperation.steps]
    learningRate = try ZSLStepOperation.schedule(context.parameters)
      .learningRate(at: end > 0 ? min(updates + 1, end) : updates + 1)
    func stream(_ input: String) throws -> TokenStream {
      try TokenStream(parsing: context.input(input).bytes(limit: TextInput.limit))
    }
    tokens = try stream("train").tokens
    windows = try LMWindows(
      stream("tokens"), limit: context[LMWindows.limit], length: context[LMWindows.context],
      model: weights.model)
    batches = try Batches(
      seed: UInt64(context[LMParameters.dataSeed]), context: windows.length, count: tokens.count)
    transformer = Transformer(weights.model, threads: Threads(of: context))
  }

  private static func optimiser(
    _ rule: Optimiser.Rule, _ model: ModelConfiguration, _ state: SafetensorsFile, _ context: OperationContext
  ) throws(Failure) -> Optimiser {
    try Optimiser(
      rule, model: model, weightDecay: context[LMParameters.weightDecay], threads: Threads(of: context),
      from: state)
  }

  /// - Parameter number: of the batch, from 1.
  func step(_ number: Int) throws -> TrialStep {
    try TrialStep(
      from: weights, Self.optimiser(rule, weights.model, state, context),
      batch: batches.tokens(
        of: tokens, step: updates + number - 1, rows: 0..<context[LMParameters.batch]),
      learningRate: learningRate, clip: context[ZSLStepOperation.clip], transformer)
  }

  func evaluate(_ weights: Parameters) throws -> [Float] {
    try windows.losses(transformer, weights, context)
  }
}
