internal import Actions
internal import Compute

/// Optimisers by the names that pipelines use.
enum LMOptimiser: String, CaseIterable {
  case adamW = "adamw"
  case cautiousAdamW = "cautious-adamw"
  case adEMAMix = "ademamix"
  case sgd
  case muon

  private var defaultBetas: [Double] {
    switch self {
    case .adamW, .cautiousAdamW: [0.9, 0.95]
    case .adEMAMix: [0.9, 0.999, 0.9999]
    case .sgd: [0.9]
    case .muon: [0.95, 0.9, 0.95]
    }
  }

  /// Those that are given, or the optimiser's own.
  func betas(_ given: [Double]) throws(ParameterError) -> [Double] {
    let own = defaultBetas
    guard given.isEmpty || given.count == own.count else {
      throw ParameterError("betas", "has \(given.count) numbers, but \(rawValue) takes \(own.count)")
    }
    return given.isEmpty ? own : given
  }

  /// The one that is given, or the optimiser's own; 0 for an optimiser that has none.
  func epsilon(_ given: Double) -> Double {
    switch self {
    case .sgd: 0
    case .adEMAMix: given > 0 ? given : 1e-8
    case .adamW, .cautiousAdamW, .muon: given > 0 ? given : 1e-5
    }
  }

  /// The rule that parameters describe.
  ///
  /// - Throws: for a setting that is another optimiser's.
  static func rule(_ values: ParameterValues) throws(ParameterError) -> Optimiser.Rule {
    let optimiser = LMOptimiser(rawValue: values[LMParameters.optimiser]) ?? .adamW
    if optimiser != .adEMAMix {
      for (name, isSet) in [
        ("alpha", values[LMParameters.alpha] != 0), ("slow_warmup", values[LMParameters.slowWarmup] != 0),
      ] where isSet { throw ParameterError(name, "is a setting of ademamix, not of \(optimiser.rawValue)") }
    }
    if optimiser != .muon, values[LMParameters.othersRate] != 1 {
      throw ParameterError("others_rate", "is a setting of muon, not of \(optimiser.rawValue)")
    }
    let betas = try optimiser.betas(values[LMParameters.betas])
    let epsilon = optimiser.epsilon(values[LMParameters.epsilon])
    return switch optimiser {
    case .adamW: .adamW(AdamW(beta1: betas[0], beta2: betas[1], epsilon: epsilon))
    case .cautiousAdamW: .cautiousAdamW(AdamW(beta1: betas[0], beta2: betas[1], epsilon: epsilon))
    case .adEMAMix:
      .adEMAMix(
        AdEMAMix(
          beta1: betas[0], beta2: betas[1], beta3: betas[2],
          alpha: values[LMParameters.alpha] > 0 ? values[LMParameters.alpha] : 8, epsilon: epsilon,
          warmUp: values[LMParameters.slowWarmup]))
    case .sgd: .sgd(SGD(momentum: betas[0]))
    case .muon:
      .muon(
        Muon(
          momentum: betas[0], others: AdamW(beta1: betas[1], beta2: betas[2], epsilon: epsilon),
          othersRate: values[LMParameters.othersRate]))
    }
  }
}
