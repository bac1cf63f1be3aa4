/// Sums over the coordinates j of some parameters, of G_j = sum_i g_ij, A_j = sum_i |g_ij| and the change delta_j. Sums of
/// several tensors add up to those of their union.
public struct CoordinateSums: Sendable, Hashable {
  /// Of C_j = |G_j| / A_j from 0 to 1, as in the released code of [ZSL].
  public static let bins = 100

  public private(set) var coordinates = 0
  /// Coordinates with A_j > 0: the others have no interference.
  public private(set) var touched = 0
  /// Sums of G_j, |G_j|, G_j^2, A_j, and of |G_j| / A_j where touched.
  public private(set) var gradient = 0.0
  public private(set) var absoluteGradient = 0.0
  public private(set) var squaredGradient = 0.0
  public private(set) var magnitude = 0.0
  public private(set) var constructive = 0.0
  /// Sums of G_j delta_j, |G_j delta_j|, A_j |delta_j|, |delta_j|, delta_j^2.
  public private(set) var participation = 0.0
  public private(set) var absoluteParticipation = 0.0
  public private(set) var participationMagnitude = 0.0
  public private(set) var absoluteDelta = 0.0
  public private(set) var squaredDelta = 0.0
  public private(set) var histogram = [Int](repeating: 0, count: bins)

  public init() {}

  /// - Parameters:
  ///   - magnitudes: parts of A; at least 1.
  ///   - scale: what the parts are to be multiplied by, if they are of a sample: then no A_j is less than |G_j|.
  init(
    gradient: ConstantFloats, magnitudes: [ConstantFloats], scale: Double? = nil, delta: ConstantFloats?,
    count: Int, threads: Threads
  ) {
    let grain = 1 << 16
    var chunks = [CoordinateSums](repeating: CoordinateSums(), count: (count + grain - 1) / grain)
    chunks.withUnsafeMutableBufferPointer { chunks in
      nonisolated(unsafe) let chunks = chunks
      threads.ranges(count, grain: grain, work: 20 * count) { range in
        var sums = CoordinateSums()
        for j in range {
          let g = Double(gradient[j])
          var a = Double(magnitudes[0][j])
          for part in magnitudes.dropFirst() { a += Double(part[j]) }
          if let scale { a = max(abs(g), scale * a) }
          sums.add(g, a, delta.map { Double($0[j]) } ?? 0)
        }
        chunks[range.lowerBound / grain] = sums
      }
    }
    for chunk in chunks { self += chunk }
  }

  private mutating func add(_ g: Double, _ a: Double, _ d: Double) {
    coordinates += 1
    gradient += g
    absoluteGradient += abs(g)
    squaredGradient += g * g
    magnitude += a
    participation += g * d
    absoluteParticipation += abs(g * d)
    participationMagnitude += a * abs(d)
    absoluteDelta += abs(d)
    squaredDelta += d * d
    guard a > 0 else { return }
    touched += 1
    let c = min(1, abs(g) / a)
    constructive += c
    histogram[min(CoordinateSums.bins - 1, Int(c * Double(CoordinateSums.bins)))] += 1
  }

  public static func += (a: inout CoordinateSums, b: CoordinateSums) {
    a.coordinates += b.coordinates
    a.touched += b.touched
    a.gradient += b.gradient
    a.absoluteGradient += b.absoluteGradient
    a.squaredGradient += b.squaredGradient
    a.magnitude += b.magnitude
    a.constructive += b.constructive
    a.participation += b.participation
    a.absoluteParticipation += b.absoluteParticipation
    a.participationMagnitude += b.participationMagnitude
    a.absoluteDelta += b.absoluteDelta
    a.squaredDelta += b.squaredDelta
    for bin in 0..<bins { a.histogram[bin] += b.histogram[bin] }
  }
}
