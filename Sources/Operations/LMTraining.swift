internal import Compute
internal import Glibc
internal import Pipeline

/// Runs one link of a training: from a checkpoint, or from the first weights, to the next checkpoint.
struct LMTraining {
  private let context: OperationContext
  private let link: LMLink
  private let tokens: [UInt32]
  private let model: ModelConfiguration
  private let batches: Batches
  private let threads = Threads.all

  init(_ context: OperationContext) throws {
    self.context = context
    link = try LMLink(context.parameters)
    let stream = try TokenStream(parsing: context.input("train").bytes(limit: TextInput.limit))
    tokens = stream.tokens
    model = try link.model(vocabulary: stream.vocabularySize)
    batches = try Batches(seed: link.dataSeed, context: link.context, count: tokens.count)
  }

  func run() throws {
    let weights = try firstWeights()
    let optimiser = try firstState()
    guard optimiser.step == link.from else {
      throw ComputeError(
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

  private func missing(_ what: String) -> ComputeError {
    ComputeError(.malformed, "the \(what) after update \(link.from) is not given")
  }

  private func train(_ weights: Parameters, _ optimiser: Optimiser) throws -> LMSegment {
    let transformer = Transformer(model, threads: threads)
    let gradients = Parameters(model)
    var segment = LMSegment(run: LMSize.name(model.allParameters - model.embeddingParameters))
    var display = LMProgress(updates: link.to - link.from, tokens: link.batch * link.context)
    for step in link.from + 1...link.to {
      try context.checkCancellation()
      gradients.setToZero()
      let losses = try transformer.addGradients(
        of: batches.tokens(of: tokens, step: step - 1, sequences: link.batch), weights: weights, to: gradients
      )
      let update = LMSegment.Update(
        step: step, loss: losses.reduce(0.0) { $0 + Double($1) } / Double(losses.count),
        learningRate: link.schedule.learningRate(at: step),
        gradientNorm: GradientClip.norm(gradients, threads: threads))
      try check(update)
      optimiser.update(
        weights, gradients: gradients, learningRate: update.learningRate,
        gradientScale: GradientClip.factor(norm: update.gradientNorm, limit: link.clip))
      segment.updates.append(update)
      if let text = display.text(after: update) {
        context.progress(Double(step - link.from) / Double(link.to - link.from), text)
      }
    }
    if let last = segment.updates.last, !GradientClip.norm(weights, threads: threads).isFinite {
      throw stopped("the weights are not finite after", last)
    }
    return segment
  }

  /// A loss above ten times that of a guess among all tokens, ln V, counts as diverged. Untrained models of the usual
  /// sizes stay below four times that.
  private func check(_ update: LMSegment.Update) throws {
    if !update.loss.isFinite || !update.gradientNorm.isFinite {
      throw stopped("loss or gradient are not finite at", update)
    }
    if update.loss > 10 * log(Double(max(2, model.vocabulary))) {
      throw stopped("the training diverged at", update)
    }
  }

  private func stopped(_ what: String, _ update: LMSegment.Update) -> ComputeError {
    ComputeError(
      .unusable,
      "\(what) step \(update.step): loss \(update.loss), learning rate \(update.learningRate), "
        + "gradient norm \(update.gradientNorm)",
      remedy: "lower learning_rate, or lengthen warmup; the checkpoints before it are kept")
  }
}

/// What is shown while training: at most a few times a second.
struct LMProgress {
  private let updates, tokens: Int
  private let start = ContinuousClock.now
  private var shown = ContinuousClock.now
  private var made = 0

  /// - Parameter tokens: of an update.
  init(updates: Int, tokens: Int) {
    self.updates = updates
    self.tokens = tokens
  }

  /// Nil where it is too early to show more.
  mutating func text(after update: LMSegment.Update) -> String? {
    made += 1
    let now = ContinuousClock.now
    guard now - shown > .milliseconds(100) || made == updates else { return nil }
    shown = now
    let rate = Double(made * tokens) / max(1e-9, (now - start) / .seconds(1))
    let loss = (update.loss * 1000).rounded() / 1000
    return "step \(update.step), loss \(loss), \(Int(rate)) tokens/s"
  }
}

extension Threads {
  /// As many as the machine has processors.
  static var all: Threads { Threads(sysconf(Int32(_SC_NPROCESSORS_ONLN))) }
}
