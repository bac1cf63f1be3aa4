internal import Actions
internal import Compute
internal import System

/// Runs one link of a training: from a checkpoint, or from the first weights, to the next checkpoint.
struct LMTraining {
  private let context: OperationContext
  private let link: LMLink
  private let tokens: [UInt32]
  private let model: ModelConfiguration
  private let batches: Batches
  private let threads: Threads

  init(_ context: OperationContext) throws {
    self.context = context
    threads = Threads(of: context)
    link = try LMLink(context.parameters)
    let stream = try TokenStream(parsing: context.input("train").bytes(limit: TextInput.limit))
    tokens = stream.tokens
    model = try Self.model(link, vocabulary: stream.vocabularySize, context)
    try ModelMemory.checkTraining(of: model, with: link.rule)
    batches = try Batches(seed: link.dataSeed, context: link.context, count: tokens.count)
  }

  private static func model(
    _ link: LMLink, vocabulary: Int, _ context: OperationContext
  ) throws -> ModelConfiguration {
    let input = context.optionalInput(LMTrainOperation.configuration)
    guard link.isConfigured else {
      guard input == nil else {
        throw Failure(
          .unusable, "the input 'configuration' is given, and the model is another",
          hint: "say model: configuration")
      }
      return try link.model(vocabulary: vocabulary)
    }
    guard let input else {
      throw Failure(
        .unusable, "model: configuration needs the input 'configuration'", hint: "give it a config.json")
    }
    let model = try ModelConfiguration(parsing: input.bytes(limit: 1 << 20))
    guard model.vocabulary >= vocabulary else {
      throw Failure(
        .unusable,
        "the model has a vocabulary of \(model.vocabulary) tokens, the stream one of \(vocabulary)",
        hint: "set vocab_size in the configuration to \(vocabulary) or more")
    }
    return model
  }

  func run() throws {
    let weights = try firstWeights()
    let optimiser = try firstState()
    guard optimiser.step == link.from else {
      throw Failure(
        .malformed, "the optimiser's state is that after update \(optimiser.step), not after \(link.from)")
    }
    let segment = try train(weights, optimiser)
    try LMCheckpoint(weights).write(to: context.path(of: "checkpoints"))
    let output = try FileOutput(context.path(of: "states"))
    try optimiser.write { try output.write($0) }
    try context.write(segment.bytes, to: "segments")
    try context.log("updates \(link.from + 1) to \(link.to), last loss \(segment.updates.last?.loss ?? .nan)")
  }

  private func firstWeights() throws -> Parameters {
    guard link.from > 0 else { return link.initialisation.weights(model, seed: link.seed, threads: threads) }
    guard let previous = context.optionalInput("previous.checkpoints") else { throw missing("checkpoint") }
    return try Parameters(model, from: LMCheckpoint.file(previous))
  }

  private func firstState() throws -> Optimiser {
    guard link.from > 0 else {
      return Optimiser(link.rule, model: model, weightDecay: link.weightDecay, threads: threads)
    }
    guard let previous = context.optionalInput("previous.states") else { throw missing("optimiser's state") }
    return try Optimiser(
      link.rule, model: model, weightDecay: link.weightDecay, threads: threads,
      from: LMCheckpoint.file(previous))
  }

  private func missing(_ what: String) -> Failure {
    Failure(.malformed, "the \(what) after update \(link.from) is not given")
  }

  private func train(_ weights: Parameters, _ optimiser: Optimiser) throws -> LMSegment {
    let transformer = Transformer(model, threads: threads)
    let gradients = Parameters(model)
    var segment = LMSegment(run: LMSize.name(model.allParameters - model.embeddingParameters))
    var progress = LMProgress(updates: link.from + 1...link.to, tokens: link.batch * link.context)
    let start = ContinuousClock.now
    for step in link.from + 1...link.to {
      try context.checkCancellation()
      gradients.setToZero()
      let loss = try addGradients(step, transformer, weights, to: gradients)
      let update = LMSegment.Update(
        step: step, loss: loss,
        learningRate: link.schedule.learningRate(at: step),
        gradientNorm: GradientClip.norm(gradients, threads: threads))
      try check(update)
      optimiser.update(
        weights, gradients: gradients, learningRate: update.learningRate,
        gradientScale: GradientClip.factor(norm: update.gradientNorm, limit: link.clip))
      segment.updates.append(update)
      if let report = progress.report(after: update, seconds: (ContinuousClock.now - start) / .seconds(1)) {
        context.progress(report.fraction, report.text)
      }
    }
    if let last = segment.updates.last, !GradientClip.norm(weights, threads: threads).isFinite {
      throw stopped("the weights are not finite after", last)
    }
    return segment
  }

  /// The mean loss of an update's batch, and its gradient: a part of the batch after the other.
  private func addGradients(
    _ step: Int, _ transformer: Transformer, _ weights: Parameters, to gradients: Parameters
  ) throws -> Double {
    let count = link.batch * link.context
    var sum = 0.0
    for first in stride(from: 0, to: link.batch, by: link.passBatch) {
      try context.checkCancellation()
      let losses = try transformer.addGradients(
        of: batches.tokens(of: tokens, step: step - 1, rows: first..<first + link.passBatch),
        weights: weights, to: gradients, scale: 1 / Float(count))
      sum = losses.reduce(sum) { $0 + Double($1) }
    }
    return sum / Double(count)
  }

  /// A loss above ten times that of a guess among all tokens, ln V, counts as diverged. Untrained models of the usual
  /// sizes stay below four times that.
  private func check(_ update: LMSegment.Update) throws {
    if !update.loss.isFinite || !update.gradientNorm.isFinite {
      throw stopped("loss or gradient are not finite at", update)
    }
    if update.loss > 10 * Elementary.log(Double(max(2, model.vocabulary))) {
      throw stopped("the training diverged at", update)
    }
  }

  private func stopped(_ what: String, _ update: LMSegment.Update) -> Failure {
    Failure(
      .unusable,
      "\(what) step \(update.step): loss \(update.loss), learning rate \(update.learningRate), "
        + "gradient norm \(update.gradientNorm)",
      hint: "lower learning_rate, or lengthen warmup; the checkpoints before it are kept")
  }
}

extension Threads {
  /// As many as the action may use.
  init(of context: OperationContext) { self.init(context.threads) }
}
