public import System

/// The losses of the same tokens in trainings that differ in learning rate and seed, each at the same checkpoints: what is
/// left to compare between rates where the mean loss is equal.
public struct LossRanking: Sendable {
  /// In the order in which they were given.
  public let rates: [Double]
  public let seeds: [Int]
  /// The updates that the checkpoints were made after, in order.
  public let steps: [Int]
  /// Of each rate, of these each seed, of these each checkpoint.
  private let losses: [TokenLosses]
  /// Mean losses, of each training those at its checkpoints.
  let means: [[Double]]

  public static let mostRates = 16
  public static let mostSeeds = 64
  public static let mostSteps = 256
  /// Losses in all.
  private static let limit = 1 << 28

  public var tokens: Int { losses[0].values.count }
  public var context: Int { losses[0].context }
  public var stream: String { losses[0].stream }
  var trainings: Int { rates.count * seeds.count }

  /// - Parameter losses: of each rate, of these each seed, of these each checkpoint.
  /// - Throws: if there are not so many losses, they are not of the same tokens, one is not finite, or there is nothing to
  ///   compare.
  public init(rates: [Double], seeds: [Int], steps: [Int], losses: [TokenLosses]) throws(Failure) {
    try Self.check(rates: rates, seeds: seeds, steps: steps, count: losses.count)
    let first = losses[0]
    guard first.values.count > 1, first.values.count <= Self.limit / losses.count else {
      throw Failure(
        .unusable,
        "losses of \(first.values.count) tokens at \(losses.count) checkpoints are too few or too many to be compared",
        hint: "measure them with lm.losses on fewer tokens, or at fewer checkpoints")
    }
    for (place, other) in losses.enumerated() {
      guard other.stream == first.stream, other.context == first.context,
        other.values.count == first.values.count
      else {
        throw Failure(
          .unusable,
          "the losses at place \(place + 1) are not of the same tokens in the same windows as the first",
          hint: "measure all with lm.losses on one stream, with the same context and tokens")
      }
      if let token = other.values.firstIndex(where: { !$0.isFinite }) {
        throw Failure(
          .unusable, "the loss of token \(token) at place \(place + 1) is \(other.values[token])",
          hint: "leave out trainings that diverge")
      }
    }
    (self.rates, self.seeds, self.steps, self.losses) = (rates, seeds, steps, losses)
    let means = losses.map { Sums.mean($0.values.map(Double.init)) }
    self.means = stride(from: 0, to: means.count, by: steps.count).map { Array(means[$0..<$0 + steps.count]) }
  }

  /// - Throws: if these are no lists of so many losses.
  public static func check(rates: [Double], seeds: [Int], steps: [Int], count: Int) throws(Failure) {
    func refuse(_ what: String) -> Failure { Failure(.unusable, what) }
    guard (2...mostRates).contains(rates.count), Set(rates).count == rates.count,
      rates.allSatisfy({ $0.isFinite && $0 > 0 })
    else { throw refuse("the learning rates are not 2 to \(mostRates) different numbers above 0") }
    guard (1...mostSeeds).contains(seeds.count), Set(seeds).count == seeds.count else {
      throw refuse("the seeds are not 1 to \(mostSeeds) different numbers")
    }
    guard (2...mostSteps).contains(steps.count), steps[0] > 0,
      zip(steps, steps.dropFirst()).allSatisfy({ $0 < $1 })
    else { throw refuse("the steps are not 2 to \(mostSteps) numbers above 0, each above the one before") }
    guard count == rates.count * seeds.count * steps.count else {
      throw Failure(
        .unusable,
        "there are \(count) losses, and \(rates.count) rates x \(seeds.count) seeds x \(steps.count) steps",
        hint: "give those of each rate, of these each seed, of these each step, in the order of the lists")
    }
  }

  // MARK: Levels

  /// Mean losses that every training has: from the lowest that the worst of them reaches to that of the first checkpoint of
  /// the best.
  /// - Throws: if there are none.
  public func commonLosses() throws(Failure) -> ClosedRange<Double> {
    let lowest = means.map { $0.min() ?? .infinity }.max() ?? .infinity
    let highest = means.map { $0[0] }.min() ?? 0
    guard lowest > 0, lowest < highest else {
      throw Failure(
        .unusable,
        "the trainings have no mean loss in common: one has at least \(lowest), another at most \(highest)",
        hint: "train the slowest longer, or give an earlier checkpoint of the fastest")
    }
    return lowest...highest
  }

  /// So many mean losses that every training has, from high to low: the lowest such one, and others at equal factors between
  /// it and the highest, which is left out.
  /// - Throws: if there are none.
  public func levels(_ count: Int) throws(Failure) -> [Double] {
    let common = try commonLosses()
    let factor = common.upperBound / common.lowerBound
    return (0..<count).reversed().map { place in
      place == 0
        ? common.lowerBound : common.lowerBound * Elementary.pow(factor, Double(place) / Double(count))
    }
  }

  /// Where one training first has a mean loss, and the losses of its tokens there.
  struct Place: Sendable {
    /// In updates; between two checkpoints as the tokens' losses, which are taken to be linear in log t there.
    let step: Double
    let before, after: Int
    let losses: [Double]
  }

  /// Where each training first has this mean loss.
  /// - Throws: if one has not.
  func places(at level: Double) throws(Failure) -> [Place] {
    let common = try commonLosses()
    guard common.contains(level) else {
      throw Failure(
        .unusable, "not every training has a mean loss of \(level)",
        hint: "they have \(common.lowerBound) to \(common.upperBound) in common")
    }
    return (0..<trainings).map { training in place(of: training, at: level) }
  }

  private func place(of training: Int, at level: Double) -> Place {
    let means = means[training]
    let after = means.firstIndex { $0 <= level } ?? means.count - 1
    func values(_ step: Int) -> [Float] { losses[training * steps.count + step].values }
    guard after > 0 else {
      return Place(
        step: Double(steps[0]), before: steps[0], after: steps[0], losses: values(0).map(Double.init))
    }
    let before = after - 1
    let weight = (means[before] - level) / (means[before] - means[after])
    let ends = (Elementary.log(Double(steps[before])), Elementary.log(Double(steps[after])))
    return Place(
      step: Elementary.exp(ends.0 + weight * (ends.1 - ends.0)), before: steps[before], after: steps[after],
      losses: zip(values(before), values(after)).map { (1 - weight) * Double($0) + weight * Double($1) })
  }
}
