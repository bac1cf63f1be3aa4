public import JSON
public import System

/// What a result of `zsl.ranking` says.
public struct RankingResult: Sendable, Hashable {
  /// Two learning rates: rank correlations between seeds of one of them, and between the two.
  public struct Pair: Sendable, Hashable {
    /// At least two.
    public let rates: [Double]
    public let within, between, excess: Double?
    public let sameSeed: Double
    public let interval: BootstrapIntervals.Interval?
    public let probability: Double?
  }

  /// The tokens of a bin at one rate: their mean loss less the mean over rates.
  public struct Difference: Sendable, Hashable {
    public let rate, difference: Double
    public let interval: BootstrapIntervals.Interval?
    public let probability: Double?
  }

  public struct Bin: Sendable, Hashable {
    public let lower, upper: Double
    public let tokens: Int
    public let rates: [Difference]
  }

  /// All that is compared where every training has this mean loss.
  public struct Level: Sendable, Hashable {
    public let loss: Double
    /// From the first training that has it to the last, in updates.
    public let steps: ClosedRange<Double>
    public let pairs: [Pair]
    public let frequencies, positions: [Bin]
  }

  public let rates: [Double]
  public let seeds, tokens: Int
  /// From high losses to low ones; at least one.
  public let levels: [Level]

  public init(json: JSON) throws(Failure) {
    rates = try json.numbers("rates")
    seeds = try json.list("seeds").count
    tokens = try json.whole("tokens")
    var levels: [Level] = []
    for level in try json.list("levels") { levels.append(try Level(json: level)) }
    guard !levels.isEmpty, rates.count > 1 else {
      throw Failure(.malformed, "it compares no learning rates at any mean loss")
    }
    self.levels = levels
  }
}

extension RankingResult.Level {
  fileprivate init(json: JSON) throws(Failure) {
    loss = try json.number("loss")
    guard loss > 0, loss < 1e6 else { throw Failure(.malformed, "\(loss) is no mean loss") }
    var steps: [Double] = []
    for training in try json.list("trainings") { steps.append(try training.number("step")) }
    guard let first = steps.min(), let last = steps.max(), first <= last else {
      throw Failure(.malformed, "it does not say where trainings have the mean loss")
    }
    self.steps = first...last
    var pairs: [RankingResult.Pair] = []
    for pair in try json.list("pairs") { pairs.append(try RankingResult.Pair(json: pair)) }
    self.pairs = pairs
    func bins(_ name: String) throws(Failure) -> [RankingResult.Bin] {
      var bins: [RankingResult.Bin] = []
      for bin in try json.list(name) { bins.append(try RankingResult.Bin(json: bin)) }
      return bins
    }
    frequencies = try bins("frequencies")
    positions = try bins("positions")
  }
}

extension RankingResult.Pair {
  fileprivate init(json: JSON) throws(Failure) {
    rates = try json.numbers("rates")
    guard rates.count == 2 else { throw Failure(.malformed, "a pair has \(rates.count) learning rates") }
    within = try json.optionalNumber("within")
    between = try json.optionalNumber("between")
    excess = try json.optionalNumber("excess")
    sameSeed = try json.number("same_seed")
    interval = try json.optionalInterval("interval")
    probability = try json.optionalNumber("probability")
  }
}

extension RankingResult.Bin {
  fileprivate init(json: JSON) throws(Failure) {
    (lower, upper) = (try json.number("from"), try json.number("to"))
    guard lower >= 0, upper > 0, lower <= upper, upper < 1e12 else {
      throw Failure(.malformed, "no bin of tokens goes from \(lower) to \(upper)")
    }
    tokens = try json.whole("tokens")
    var rates: [RankingResult.Difference] = []
    for rate in try json.list("rates") {
      rates.append(
        RankingResult.Difference(
          rate: try rate.number("rate"), difference: try rate.number("difference"),
          interval: try rate.optionalInterval("interval"), probability: try rate.optionalNumber("probability")
        ))
    }
    self.rates = rates
  }
}
