internal import CKernels
public import Safetensors
public import System

/// An optimiser and its state. It belongs to one task at a time.
///
/// Weight decay is decoupled: w -= learning rate * decay * w, for the parameters whose role says so
/// (`ParameterLayout.Role.isDecayed`) and before the step itself.
public final class Optimiser {
  public enum Rule: Sendable, Hashable {
    case adamW(AdamW)
    /// AdamW that moves only where momentum and gradient agree (Liang et al. 2024, arXiv 2411.16085).
    case cautiousAdamW(AdamW)
    case adEMAMix(AdEMAMix)
    case sgd(SGD)
    case muon(Muon)

    /// The arrays that an optimiser keeps, by PyTorch's names where it has them.
    var stateNames: [String] {
      switch self {
      case .adamW, .cautiousAdamW: ["exp_avg", "exp_avg_sq"]
      case .adEMAMix: ["exp_avg", "exp_avg_slow", "exp_avg_sq"]
      case .sgd: ["momentum_buffer"]
      case .muon: ["exp_avg", "exp_avg_sq", "momentum_buffer"]
      }
    }
  }

  public let rule: Rule
  public let weightDecay: Double
  public let threads: Threads
  /// Updates made so far.
  public private(set) var step: Int
  private let states: [Parameters]

  public init(_ rule: Rule, model: ModelConfiguration, weightDecay: Double, threads: Threads) {
    self.rule = rule
    self.weightDecay = weightDecay
    self.threads = threads
    step = 0
    states = rule.stateNames.map { _ in Parameters(model) }
  }

  /// Makes one update.
  /// - Parameter gradientScale: what gradients are multiplied by first: the clip.
  public func update(
    _ weights: Parameters, gradients: Parameters, learningRate: Double, gradientScale: Double = 1
  ) {
    step += 1
    let update = Update(
      weights: weights, gradients: gradients, states: states, step: step, learningRate: learningRate,
      weightDecay: weightDecay, gradientScale: gradientScale, threads: threads)
    switch rule {
    case .adamW(let settings): update.adamW(settings)
    case .cautiousAdamW(let settings): update.cautiousAdamW(settings)
    case .adEMAMix(let settings): update.adEMAMix(settings)
    case .sgd(let settings): update.sgd(settings)
    case .muon(let settings): update.muon(settings)
    }
  }

  // MARK: Safetensors

  private static let stepName = "step"
  /// A training makes no more updates.
  private static let steps = 0...1 << 31

  /// Writes the state as a safetensors file: each array as `<array>.<parameter>`, and the number of updates.
  public func write(to output: (UnsafeRawBufferPointer) throws -> Void) throws {
    try Parameters.write(
      zip(rule.stateNames, states).map { ($0 + ".", $1) }, metadata: [Optimiser.stepName: "\(step)"],
      to: output)
  }

  /// Continues from a state that `write` wrote.
  /// - Throws: if the file is not the state of this rule for this model.
  public init(
    _ rule: Rule, model: ModelConfiguration, weightDecay: Double, threads: Threads, from file: SafetensorsFile
  ) throws(Failure) {
    guard let text = file.header.metadata[Optimiser.stepName], let step = Int(text),
      Optimiser.steps.contains(step)
    else {
      throw Failure(
        .malformed,
        "the optimiser's state does not say how many updates it has made, from 0 to \(Optimiser.steps.upperBound)"
      )
    }
    let expected = rule.stateNames.count * ParameterLayout(model).parameters.count
    guard file.header.tensors.count == expected else {
      throw Failure(
        .malformed, "the optimiser's state has \(file.header.tensors.count) arrays, not \(expected)",
        hint: "continue with the optimiser that wrote it")
    }
    var states: [Parameters] = []
    for name in rule.stateNames { states.append(try Parameters(model, from: file, prefix: name + ".")) }
    self.rule = rule
    self.weightDecay = weightDecay
    self.threads = threads
    self.step = step
    self.states = states
  }
}
