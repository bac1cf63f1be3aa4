internal import System

extension StepNoise {
  /// The standard deviation of each stretch, as far as it is not surely known drawn by how much its measurement may be off.
  ///
  /// Sizes are measured again of normal noise of the sizes that were found: the mean square of n independent points is chi squared over n,
  /// and stretches take of each other what they took before, as if these were of one size: what is drawn is how far measurements are
  /// off, and not how sizes change from one stretch to the next. By what that is off, the sizes are divided, since the truth is to what was
  /// found as that is to what is found again. Of a mean whose noise one stretch tells, this makes the interval of Student's t; the size as
  /// it was found, taken for the truth, makes a normal one, which is too narrow.
  func drawnDeviations(_ random: Philox, stream: UInt32) -> [Double] {
    // The variance that is found again over the one that was found.
    var again = 1.0
    return stretches.indices.map { index in
      let stretch = stretches[index]
      guard stretch.freedom.isFinite else { return stretch.deviation }
      if stretch.freedom > 0 {
        let draw = random.normals(stream: stream, index: StepNoise.firstDraw + UInt64(index)).0
        let own = StepNoise.meanSquare(draw, freedom: stretch.freedom)
        again = (1 - stretch.inherited) * own + stretch.inherited * again
      }
      return stretch.deviation / again.squareRoot()
    }
  }

  /// Behind all draws of the noise itself.
  private static let firstDraw: UInt64 = 1 << 41

  /// Chi squared over its degrees of freedom, from a normal draw (Wilson and Hilferty, 1931).
  private static func meanSquare(_ draw: Double, freedom: Double) -> Double {
    let variance = 2 / (9 * freedom)
    // With four degrees of freedom and more, fewer than one draw in a thousand is as low as this. With one or two many are: next to
    // nothing is known of the size then, and the noise is drawn up to thirty times as large.
    let root = max(1 - variance + draw * variance.squareRoot(), 0.1)
    return root * root * root
  }
}

extension StepNoise.Sum {
  /// Counts it as that many independent points, with the same mean square.
  mutating func count(as independent: Double) {
    squares = points > 0 ? squares * independent / points : 0
    points = independent
  }
}
