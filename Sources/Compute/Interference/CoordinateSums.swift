internal import CKernels

/// Sums over the coordinates j of some parameters, of G_j = sum_i g_ij, A_j = sum_i |g_ij| and S_j = sum_i g_ij^2, or
/// estimates of these, and the change delta_j. Sums of several tensors add up to those of their union.
public struct CoordinateSums: Sendable, Hashable {
  /// Of C_j = |G_j| / A_j from 0 to 1, as in the released code of [ZSL].
  public static let bins = Int(BRAKE_COORDINATE_BINS)
  public private(set) var histogram = [Int](repeating: 0, count: bins)
  public private(set) var coordinates = 0
  /// In the order of the kernel's.
  private var sums = [Double](repeating: 0, count: Int(BRAKE_COORDINATE_SUMS))

  /// Coordinates with A_j > 0: the others have no interference.
  public var touched: Int { histogram.reduce(0, +) }
  /// Sums of G_j, |G_j|, G_j^2, A_j, and of |G_j| / A_j where touched.
  public var gradient: Double { sums[0] }
  public var absoluteGradient: Double { sums[1] }
  public var squaredGradient: Double { sums[2] }
  public var magnitude: Double { sums[3] }
  public var constructive: Double { sums[4] }
  /// `constructive` as one half of a sample estimates it by itself, the mean of both; 0 without a sample.
  public var halfConstructive: Double { sums[5] }
  /// Sums of G_j delta_j, |G_j delta_j|, A_j |delta_j|, |delta_j|, delta_j^2.
  public var participation: Double { sums[6] }
  public var absoluteParticipation: Double { sums[7] }
  public var participationMagnitude: Double { sums[8] }
  public var absoluteDelta: Double { sums[9] }
  public var squaredDelta: Double { sums[10] }
  /// What chance leaves (`Chance`): sums of n_j = mean |sum_i s_i g_ij| / A_j over random signs s_i, of n_j A_j and of
  /// n_j A_j |delta_j|.
  public var chance: Double { sums[11] }
  public var absoluteChance: Double { sums[12] }
  public var participationChance: Double { sums[13] }
  /// Sum of (G_j delta_j)^2.
  public var squaredParticipation: Double { sums[14] }

  /// False if any gradient, magnitude or change was infinite or not a number.
  var isFinite: Bool { sums.allSatisfy(\.isFinite) }

  public init() {}

  /// - Parameters:
  ///   - exact: what is known of A; nil if nothing is.
  ///   - squares: what is known of S.
  ///   - halves: none, or the sums of |g_ij| over two halves of a sample of the other tokens. Then A_j =
  ///     max(|G_j|, exact_j + scale (half_j + half'_j)).
  ///   - sampledSquares: likewise of g_ij^2 over the whole sample.
  ///   - scale: what makes of a sum over the sample one over all tokens, rounded to float32; `halfScales` likewise of sums
  ///     over its halves.
  ///   - terms: tokens.
  init(
    gradient: ConstantFloats, exact: ConstantFloats?, squares: ConstantFloats, halves: [ConstantFloats] = [],
    sampledSquares: ConstantFloats? = nil, scale: Double = 1, halfScales: [Double] = [],
    delta: ConstantFloats?,
    count: Int, terms: Int, threads: Threads
  ) {
    precondition(
      halves.isEmpty || halves.count == 2 && halfScales.count == 2, "a sample has two halves")
    coordinates = count
    let tasks = (count + Int(BRAKE_REDUCTION_CHUNK) - 1) / Int(BRAKE_REDUCTION_CHUNK)
    var found = [Double](repeating: 0, count: tasks * sums.count)
    var counts = [Int32](repeating: 0, count: tasks * Self.bins)
    found.withUnsafeMutableBufferPointer { found in
      counts.withUnsafeMutableBufferPointer { counts in
        let kernel = brake_coordinates(
          count: count, gradient: gradient, exact: exact, halves: (halves.first, halves.last),
          scale: Float(scale),
          half_scales: (Float(halfScales.first ?? 0), Float(halfScales.last ?? 0)), squares: squares,
          sampled_squares: sampledSquares, terms: Float(max(1, terms)), delta: delta,
          sums: found.baseAddress, histogram: counts.baseAddress)
        withUnsafePointer(to: kernel) { kernel in
          threads.run(tasks, work: 20 * count) { brake_sum_coordinates(kernel, $0, $1) }
        }
      }
    }
    for (place, sum) in found.enumerated() { sums[place % sums.count] += sum }
    for (place, count) in counts.enumerated() { histogram[place % Self.bins] += Int(count) }
  }

  public static func += (a: inout CoordinateSums, b: CoordinateSums) {
    a.coordinates += b.coordinates
    for place in a.sums.indices { a.sums[place] += b.sums[place] }
    for bin in 0..<bins { a.histogram[bin] += b.histogram[bin] }
  }
}
