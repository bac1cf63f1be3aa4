public import System

/// The learning rate of each update, as a multiple of the peak: a linear warm-up, then a shape.
public struct Schedule: Sendable, Hashable {
  public enum Shape: Sendable, Hashable {
    case constant
    /// Constant, and over the last `cooldown` of `steps` updates linearly towards `floor` (Zhai et al. 2022,
    /// arXiv 2106.04560; Haegele et al. 2024, arXiv 2405.18392).
    case trapezoidal(steps: Int, cooldown: Int, floor: Double)
    /// Half a cosine from the end of the warm-up to `floor` at `steps` updates, and `floor` from then on (Loshchilov and
    /// Hutter 2017, arXiv 1608.03983).
    case cosine(steps: Int, floor: Double)
  }

  public let peak: Double
  /// Updates until the peak is reached.
  public let warmUp: Int
  /// The first update's part of the peak, where there is a warm-up.
  public let startFactor: Double
  public let shape: Shape

  /// - Throws: if a rate, factor or number of updates is out of range, or the parts do not fit in the updates.
  public init(
    peak: Double, warmUp: Int = 0, startFactor: Double = 0.1, shape: Shape = .constant
  ) throws(Failure) {
    func require(_ condition: Bool, _ what: String) throws(Failure) {
      if !condition { throw Failure(.malformed, what) }
    }
    try require(peak.isFinite && peak >= 0, "the learning rate, \(peak), is not a number from 0 on")
    try require(warmUp >= 0, "the warm-up, \(warmUp), is negative")
    try require((0...1).contains(startFactor), "the start factor, \(startFactor), is not between 0 and 1")
    switch shape {
    case .constant: break
    case .trapezoidal(let steps, let cooldown, let floor):
      try require(
        cooldown >= 0 && steps >= 0 && cooldown <= steps && warmUp <= steps - cooldown,
        "a warm-up of \(warmUp) and a cool-down of \(cooldown) do not fit in \(steps) updates")
      try require((0...1).contains(floor), "the floor, \(floor), is not between 0 and 1")
    case .cosine(let steps, let floor):
      try require(warmUp <= steps, "a warm-up of \(warmUp) does not fit in \(steps) updates")
      try require((0...1).contains(floor), "the floor, \(floor), is not between 0 and 1")
    }
    self.peak = peak
    self.warmUp = warmUp
    self.startFactor = startFactor
    self.shape = shape
  }

  /// The learning rate of an update. During the warm-up it is peak * (s + (1 - s) t / warmUp) with the start factor s
  /// and t = step - 1, as PyTorch's LinearLR.
  /// - Parameter step: counted from 1.
  public func learningRate(at step: Int) -> Double {
    let t = Double(step - 1)
    if step - 1 < warmUp { return peak * (startFactor + (1 - startFactor) * t / Double(warmUp)) }
    switch shape {
    case .constant: return peak
    case .trapezoidal(let steps, let cooldown, let floor):
      let left = steps - (step - 1)
      guard left < cooldown else { return peak }
      return peak * (floor + (1 - floor) * Double(max(0, left)) / Double(cooldown))
    case .cosine(let steps, let floor):
      guard step - 1 < steps else { return peak * floor }
      let part = (t - Double(warmUp)) / Double(steps - warmUp)
      return peak * (floor + (1 - floor) * (1 + Schedule.cosineOfHalfTurns(part)) / 2)
    }
  }

  /// cos(pi x) for 0 <= x <= 1, as sin(pi (1/2 - x)) by the Taylor series to the 23rd power: the same bits everywhere.
  static func cosineOfHalfTurns(_ x: Double) -> Double {
    let angle = Double.pi * (0.5 - x)
    let square = angle * angle
    var sum = 1.0
    for n in stride(from: 22.0, through: 2, by: -2) { sum = 1 - sum * square / (n * (n + 1)) }
    return angle * sum
  }
}
