/// What the frequencies of rotary positions are multiplied by, in models whose context was made longer after training.
public enum RopeScaling: Sendable, Hashable {
  /// All by 1 / factor: positions stand closer together (Chen et al. 2023, arXiv 2306.15595).
  case linear(factor: Double)
  /// Those of wavelengths above `context` / `low` by 1 / factor, those below `context` / `high` by 1, and what is between by
  /// what is between (Llama 3; Grattafiori et al. 2024, arXiv 2407.21783, in the form of the transformers library).
  ///
  /// - context: tokens of the training before.
  case llama3(factor: Double, low: Double, high: Double, context: Int)

  /// One for each of rotary / 2 frequencies theta^(-2 i / rotary).
  func factors(rotary: Int, theta: Double) -> [Double] {
    (0..<rotary / 2).map { index in
      switch self {
      case .linear(let factor): return 1 / factor
      case .llama3(let factor, let low, let high, let context):
        let frequency = Elementary.exp(-Double(2 * index) / Double(rotary) * Elementary.log(theta))
        let turns = Double(context) * frequency / (2 * Double.pi)
        if turns < low { return 1 / factor }
        if turns > high { return 1 }
        let part = (turns - low) / (high - low)
        return (1 - part) / factor + part
      }
    }
  }

  var isValid: Bool {
    switch self {
    case .linear(let factor): factor >= 1 && factor.isFinite
    case .llama3(let factor, let low, let high, let context):
      factor >= 1 && factor.isFinite && low > 0 && high > low && high.isFinite && context > 0
    }
  }
}
