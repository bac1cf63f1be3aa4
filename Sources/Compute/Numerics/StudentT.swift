/// Student's t distribution, with the same bits on every machine.
public enum StudentT {
  /// The probability that a t-distributed number with `degrees` >= 1 degrees of freedom is at least as far from 0 as `t`,
  /// on either side: I_x(degrees/2, 1/2) at x = degrees / (degrees + t^2), by the continued fraction of the incomplete beta
  /// function (Abramowitz and Stegun 26.5.8, 26.7.1).
  public static func tails(beyond t: Double, degrees: Int) -> Double {
    precondition(degrees >= 1, "there is at least one degree of freedom")
    guard t.isFinite else { return t.isNaN ? t : 0 }
    // With more degrees, tails change by less than a millionth of themselves, and beta would take a step for each.
    let degrees = min(degrees, mostDegrees)
    let half = Double(degrees) / 2
    let x = Double(degrees) / (Double(degrees) + t * t)
    // The fraction converges fast on one side of its turning point; on the other, its mirror image does.
    return x < (half + 1) / (half + 2.5)
      ? incompleteBeta(x, half, 0.5, beta: beta(degrees))
      : 1 - incompleteBeta(1 - x, 0.5, half, beta: beta(degrees))
  }

  private static let mostDegrees = 1 << 20

  /// What `quantile` comes to for tails of .05 and ever more degrees of freedom: that of the normal distribution.
  static let normalQuantile = 1.959_963_984_540_054

  /// The number that a t-distributed one exceeds in magnitude with the given probability: 12.7, 4.30, 3.18 for a
  /// probability of .05 and 1, 2, 3 degrees of freedom.
  ///
  /// - Parameter probability: of both tails together, 0 < p < 1.
  public static func quantile(tails probability: Double, degrees: Int) -> Double {
    precondition(probability > 0 && probability < 1, "a probability of tails lies between 0 and 1")
    var (low, high) = (0.0, 1.0)
    while tails(beyond: high, degrees: degrees) > probability { (low, high) = (high, 2 * high) }
    while true {
      let middle = low + (high - low) / 2
      guard middle > low, middle < high else { return high }
      if tails(beyond: middle, degrees: degrees) > probability { low = middle } else { high = middle }
    }
  }

  /// B(degrees/2, 1/2), from B(1/2, 1/2) = pi and B(1, 1/2) = 2 by B(a + 1, b) = B(a, b) a / (a + b).
  private static func beta(_ degrees: Int) -> Double {
    var (a, value) = degrees.isMultiple(of: 2) ? (1.0, 2.0) : (0.5, Double.pi)
    while a < Double(degrees) / 2 {
      value *= a / (a + 0.5)
      a += 1
    }
    return value
  }

  /// I_x(a, b), by Lentz's method.
  private static func incompleteBeta(_ x: Double, _ a: Double, _ b: Double, beta: Double) -> Double {
    guard x > 0 else { return 0 }
    let tiny = 1e-300
    var c = 1.0
    var d = 1 / max(tiny, 1 - (a + b) * x / (a + 1))
    var fraction = d
    for step in 1...10_000 {
      let m = Double(step)
      for term in [
        m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
        -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
      ] {
        d = 1 + term * d
        d = 1 / (d.magnitude < tiny ? tiny : d)
        c = 1 + term / c
        if c.magnitude < tiny { c = tiny }
        fraction *= d * c
      }
      if (d * c - 1).magnitude < 1e-15 { break }
    }
    let front = a * Elementary.log(x) + b * Elementary.log(1 - x)
    return front < -700 ? 0 : Elementary.exp(front) * fraction / (a * beta)
  }
}
