/// A run of [ZSL] by its published one-break fit: the table of Mircea et al., "Training Dynamics Underlying Language Model
/// Scaling Laws: Loss Deceleration and Zero-Sum Learning", ACL 2025 (arXiv 2506.05447), and the last step of the loss curve
/// that was released with it.
public struct PublishedRun: Sendable, Hashable {
  public let name: String
  public let curve: OneBreak
  /// T
  public let lastStep: Int

  public init(name: String, curve: OneBreak, lastStep: Int) {
    self.name = name
    self.curve = curve
    self.lastStep = lastStep
  }

  public static let all = [
    PublishedRun(
      name: "14M", curve: OneBreak(b: 18.42228, c0: 0.1745420, c1: -0.1620251, logD1: 8.678863, f1: 0.203022),
      lastStep: 262_153),
    PublishedRun(
      name: "144M",
      curve: OneBreak(b: 20.30559, c0: 0.2104610, c1: -0.1874457, logD1: 8.711803, f1: 0.344016),
      lastStep: 262_209),
    PublishedRun(
      name: "472M",
      curve: OneBreak(b: 21.15564, c0: 0.2253308, c1: -0.1904724, logD1: 8.443335, f1: 0.392885),
      lastStep: 188_556),
    PublishedRun(
      name: "OLMo-7B",
      curve: OneBreak(b: 27.48750, c0: 0.2778061, c1: -0.2248379, logD1: 8.439794, f1: 0.763984),
      lastStep: 557_000),
  ]

  /// A per-step training loss that, prepared and fitted, gives about the published parameters.
  ///
  /// Those describe the smoothed curve, whose point j is a mean over j / 1.2 to j and so lags behind by 11/12 in t: the
  /// generated loss at step t is the published curve at 12/11 t. Before about step 30, where it would exceed that of a
  /// uniform guess over the vocabulary of 50 280 tokens, it bends smoothly into it. Each step is multiplied by an
  /// independent log-normal factor.
  ///
  /// - Parameters:
  ///   - noise: standard deviation of log loss at a step.
  ///   - seed: with the run's name, what the noise is drawn from.
  public func generate(noise: Double, seed: Int) throws -> Curve {
    let random = Philox(seed: UInt64(bitPattern: Int64(seed)))
    let stream = Streams.noise(of: name)
    var losses: [Double] = []
    losses.reserveCapacity(lastStep)
    for pair in 0..<(lastStep + 1) / 2 {
      if pair % 32_768 == 0 { try Task.checkCancellation() }
      let (a, b) = random.normals(stream: stream, index: UInt64(pair))
      losses.append(loss(at: 2 * pair + 1, noise * a))
      if losses.count < lastStep { losses.append(loss(at: 2 * pair + 2, noise * b)) }
    }
    return Curve(run: name, steps: Array(1...lastStep), losses: losses)
  }

  /// ln 50 280, in nats.
  private static let uniformGuess = 10.825_362_574_772_73
  /// How sharply the curve leaves it: less than 1e-4 of the loss is left of the bend at step 100.
  private static let sharpness = 24.0

  /// As loggers print it, to five digits after the point.
  private func loss(at step: Int, _ deviation: Double) -> Double {
    let published = curve.logLoss(atLog: Elementary.log(Double(step) * 12 / 11))
    let excess = PublishedRun.sharpness * (published - Elementary.log(PublishedRun.uniformGuess))
    let bent = published - Elementary.softplus(excess) / PublishedRun.sharpness
    return max((Elementary.exp(bent + deviation) * 1e5).rounded() / 1e5, 1e-5)
  }
}
