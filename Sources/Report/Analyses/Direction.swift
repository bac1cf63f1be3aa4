internal import Compute

/// Which way a difference is found to go, where all that is tested together errs in at most 5 % of pages with nothing to find
/// (Bonferroni).
enum Direction: Sendable {
  case up, down, neither

  static let errorRate = 0.05

  /// Which each of so many tests has to keep.
  static func level(of comparisons: Int) -> Double { errorRate / Double(max(1, comparisons)) }

  /// - Parameter probability: of a difference at least as large by chance; nil where it cannot be told.
  init(_ difference: Double, probability: Double?, of comparisons: Int) {
    guard let probability, probability < Direction.level(of: comparisons), difference != 0 else {
      self = .neither
      return
    }
    self = difference > 0 ? .up : .down
  }

  /// - Parameter isPositive: nil where it is not certain.
  init(isPositive: Bool?) { self = isPositive.map { $0 ? .up : .down } ?? .neither }

  /// As the table of findings has it.
  var says: String {
    switch self {
    case .up: "above 0"
    case .down: "below 0"
    case .neither: "not found to differ from 0"
    }
  }
}

extension SeedSpread {
  /// Of the mean from 0, by Student's test over seeds.
  func direction(of comparisons: Int) -> Direction {
    Direction(mean, probability: probabilityOfZero, of: comparisons)
  }
}
