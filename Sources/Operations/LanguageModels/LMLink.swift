internal import Actions
internal import Compute
internal import System

/// What one link of a training does, read from its parameters.
struct LMLink {
  static let from = Parameter("from", unit: "updates", in: 0...1 << 31, help: "made before this link")
  static let to = Parameter("to", unit: "updates", in: 1...1 << 31, help: "made after it")
  static let end = Parameter(
    "end", default: 0, unit: "updates", in: 0...1 << 31,
    help: "at which cosine or cool-down end; 0 where neither concerns this link")
  static let parameters = [from, to, end] as [any ParameterDeclaration] + LMParameters.shared

  /// Updates made before and after.
  let from, to: Int
  let batch, context: Int
  let seed, dataSeed: UInt64
  let initialisation: Initialisation
  let schedule: Schedule
  let rule: Optimiser.Rule
  let weightDecay, clip: Double
  private let values: ParameterValues

  init(_ values: ParameterValues) throws(Failure) {
    from = values[Self.from]
    to = values[Self.to]
    batch = values[LMParameters.batch]
    context = values[LMParameters.context]
    seed = UInt64(values[LMParameters.seed])
    dataSeed = UInt64(values[LMParameters.dataSeed])
    initialisation =
      switch values[LMParameters.initialisation] {
      case "gpt2": .gpt2
      case "normal": .normal(deviation: values[LMParameters.deviation])
      default: .mitchell
      }
    schedule = try Schedule(values, peak: values[LMParameters.learningRate], end: values[Self.end])
    do { rule = try LMOptimiser.rule(values) } catch {
      throw Failure(
        .parameter, error.description, facts: error.cause?.facts ?? [], hint: error.cause?.hint, cause: error)
    }
    weightDecay = values[LMParameters.weightDecay]
    clip = values[LMParameters.clip]
    self.values = values
  }

  /// Sequences of a pass; the gradients of several are summed up.
  var passBatch: Int { values[LMParameters.microBatch] > 0 ? values[LMParameters.microBatch] : batch }

  /// Whether the model is that of the input `configuration`.
  var isConfigured: Bool { values[LMParameters.width] == 0 }

  /// The model that the parameters describe.
  func model(vocabulary: Int) throws(Failure) -> ModelConfiguration {
    try .standard(
      .init(rawValue: values[LMParameters.family]) ?? .llama, vocabulary: vocabulary,
      width: values[LMParameters.width], layers: values[LMParameters.layers],
      heads: values[LMParameters.heads], inner: values[LMParameters.inner], context: context,
      hasNormWeights: values[LMParameters.normWeights], isTied: values[LMParameters.tied])
  }

  /// What is wrong with a link's parameters, found while planning. The vocabulary is not known then: it is taken to be
  /// bytes.
  static func check(_ values: ParameterValues) throws(ParameterError) {
    _ = try LMOptimiser.rule(values)
    let link: LMLink
    do { link = try LMLink(values) } catch {
      throw ParameterError("schedule", "cannot be as it is: \(error.headline)", cause: error)
    }
    if !link.isConfigured {
      let (width, heads) = (values[LMParameters.width], values[LMParameters.heads])
      guard heads > 0, width % heads == 0 else {
        throw ParameterError("heads", "(\(heads)) do not divide the width, \(width)")
      }
      do { _ = try link.model(vocabulary: 256) } catch {
        throw ParameterError("model", "cannot be as it is: \(error.headline)", cause: error)
      }
    }
    guard link.batch % link.passBatch == 0 else {
      throw ParameterError(
        "micro_batch", "(\(link.passBatch)) does not divide the batch, \(link.batch)")
    }
    guard link.passBatch <= TokenBatch.limit / link.context else {
      throw ParameterError(
        "batch",
        "of \(link.passBatch) x \(link.context) tokens is larger than \(TokenBatch.limit): set micro_batch")
    }
  }
}

extension Schedule {
  /// The schedule that parameters describe.
  ///
  /// - Parameter end: the update at which cosine or cool-down end; 0 where there is neither.
  init(_ values: ParameterValues, peak: Double, end: Int) throws(Failure) {
    let floor = values[LMParameters.floor]
    let shape: Shape =
      if end == 0 {
        .constant
      } else if values[LMParameters.schedule] == "cosine" {
        .cosine(steps: end, floor: floor)
      } else {
        .trapezoidal(steps: end, cooldown: values[LMParameters.cooldown], floor: floor)
      }
    try self.init(
      peak: peak, warmUp: values[LMParameters.warmup], startFactor: values[LMParameters.startFactor],
      shape: shape)
  }
}
