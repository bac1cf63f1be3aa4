internal import Actions

/// Models of a known shape, called after their parameters without the embedding. The shapes and learning rates are those
/// at which byte models show a loss deceleration within a minute of two processor cores.
struct LMSize: Sendable {
  let name: String
  let width, inner: Int
  let learningRate: Double

  static let layers = 4
  static let heads = 4

  static let all = [
    LMSize(name: "47k", width: 32, inner: 80, learningRate: 2e-3),
    LMSize(name: "188k", width: 64, inner: 160, learningRate: 1e-3),
    LMSize(name: "803k", width: 128, inner: 352, learningRate: 5e-4),
  ]

  /// What a model with so many parameters is called: `47k`, `1M`.
  static func name(_ parameters: Int) -> String {
    for (unit, letter) in [(1_000_000_000, "B"), (1_000_000, "M"), (1000, "k")] where parameters >= unit {
      return "\((parameters + unit / 2) / unit)\(letter)"
    }
    return "\(parameters)"
  }
}
