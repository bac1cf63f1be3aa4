import CKernels
import Testing

@testable import Compute

@Suite struct `Sums over coordinates` {
  /// G, exact, two halves, delta and squares of two chunks, most of them zero, some runs of all but delta.
  private struct Coordinates {
    static let scale = 1.7
    static let halfScales = [5.0, 7.25]
    var gradient, exact, one, other, delta, squares, sampledSquares: [Float]

    init(count: Int = 65_536 + 77) {
      let draws = Philox(seed: 3)
      var random = (0..<5).map { stream in
        (0..<count).map {
          Float(draws.bits(stream: UInt32(stream), index: UInt64($0)).0 >> 40) * 0x1p-24 - 0.5
        }
      }
      for j in 0..<count where j % 200 < 90 || j % 7 == 0 {
        for array in 0..<4 { random[array][j] = 0 }
      }
      (gradient, delta) = (random[0], random[4])
      (exact, one, other) = (random[1].map(abs), random[2].map { $0 > 0 ? $0 : 0 }, random[3].map(abs))
      // From few terms that count to many.
      squares = zip(random[1], 0...).map { $0 * $0 / (1 + 0.73 * Float($1 % 40)) }
      sampledSquares = zip(zip(random[2], random[3]), 0...).map {
        ($0.0 * $0.0 + $0.1 * $0.1) / (1 + 0.73 * Float($1 % 30))
      }
    }

    func sums(sampled: Bool, known: Bool = true, delta hasDelta: Bool = true, threads: Int = 1)
      -> CoordinateSums
    {
      gradient.withUnsafeBufferPointer { gradient in
        exact.withUnsafeBufferPointer { exact in
          one.withUnsafeBufferPointer { one in
            other.withUnsafeBufferPointer { other in
              delta.withUnsafeBufferPointer { delta in
                sampledSquares.withUnsafeBufferPointer { sampledSquares in
                  CoordinateSums(
                    gradient: gradient.baseAddress!, exact: known ? exact.baseAddress! : nil,
                    squares: squares, halves: sampled ? [one.baseAddress!, other.baseAddress!] : [],
                    sampledSquares: sampled ? sampledSquares.baseAddress! : nil, scale: Self.scale,
                    halfScales: Self.halfScales,
                    delta: hasDelta ? delta.baseAddress! : nil, count: gradient.count, terms: 1 << 20,
                    threads: Threads(threads, leastWork: 1, valuesOfPiece: 1))
                }
              }
            }
          }
        }
      }
    }
  }

  @Test(arguments: [(false, true), (true, true), (true, false)])
  func `They are what the formulas say in float64`(sampled: Bool, known: Bool) {
    let all = Coordinates()
    let found = all.sums(sampled: sampled, known: known)
    var (touched, sums) = (0, [Double](repeating: 0, count: 15))
    for j in all.gradient.indices {
      let (g, d) = (Double(all.gradient[j]), Double(all.delta[j]))
      let exact = known ? Double(all.exact[j]) : 0
      let halves = zip([all.one[j], all.other[j]], Coordinates.halfScales).map { half, scale in
        max(abs(g), exact + scale * Double(half))
      }
      let estimate = exact + Coordinates.scale * (Double(all.one[j]) + Double(all.other[j]))
      let a = sampled ? max(abs(g), estimate) : exact
      touched += a > 0 ? 1 : 0
      let constructive = a > 0 ? min(1, abs(g) / a) : 0
      let half = sampled && g != 0 ? (abs(g) / halves[0] + abs(g) / halves[1]) / 2 : 0
      let square = Double(all.squares[j]) + (sampled ? Coordinates.scale * Double(all.sampledSquares[j]) : 0)
      let chance = Chance.remainder(of: a, squares: square, terms: 1 << 20)
      let terms = [
        g, abs(g), g * g, a, constructive, half, g * d, abs(g * d), a * abs(d), abs(d), d * d,
        a > 0 ? chance / a : 0, chance, chance * abs(d), g * d * g * d,
      ]
      for (place, term) in terms.enumerated() { sums[place] += term }
    }
    #expect(found.coordinates == all.gradient.count)
    #expect(found.touched == touched)
    let values = [
      found.gradient, found.absoluteGradient, found.squaredGradient, found.magnitude, found.constructive,
      found.halfConstructive, found.participation, found.absoluteParticipation, found.participationMagnitude,
      found.absoluteDelta, found.squaredDelta, found.chance, found.absoluteChance, found.participationChance,
      found.squaredParticipation,
    ]
    for (value, expected) in zip(values, sums) {
      #expect(abs(value - expected) <= 1e-6 * sums[1], "\(value) instead of \(expected)")
    }
    let shares = found.histogram.enumerated().reduce(0.0) {
      $0 + (Double($1.offset) + 0.5) * Double($1.element)
    }
    #expect(abs(shares / 100 - found.constructive) < 0.005 * Double(touched))
    #expect(found.histogram[0] > 0 && found.histogram[99] > 0)
  }

  @Test func `Any number of threads gives the same bits`() {
    let all = Coordinates()
    for sampled in [false, true] {
      #expect(all.sums(sampled: sampled, threads: 3) == all.sums(sampled: sampled))
    }
  }

  @Test func `Without changes there is no participation, and without a sample no halves`() {
    let found = Coordinates(count: 300).sums(sampled: false, delta: false)
    #expect(found.magnitude > 0 && found.halfConstructive == 0)
    #expect(found.absoluteDelta == 0 && found.squaredDelta == 0 && found.participationMagnitude == 0)
  }

  @Test(arguments: [Float.nan, .infinity])
  func `What is not finite shows, wherever it stands`(value: Float) {
    let arrays: [WritableKeyPath<Coordinates, [Float]>] = [\.gradient, \.exact, \.one, \.other, \.delta]
    #expect(Coordinates(count: 300).sums(sampled: true).isFinite)
    for array in arrays {
      // 5: beside zeros only; 291: among others.
      for place in [5, 291] {
        var all = Coordinates(count: 300)
        all[keyPath: array][place] = value
        #expect(!all.sums(sampled: true).isFinite)
        if array == \.gradient || array == \.exact || array == \.delta {
          #expect(!all.sums(sampled: false).isFinite)
        }
      }
    }
  }

  @Test func `Influence is what |G| / A loses for what A gains`() {
    let all = Coordinates()
    let count = 1000
    var weights = [Float](repeating: -1, count: count)
    let sum = brake_influence(&weights, all.gradient, all.one, all.other, 1.7, count)
    var expected = 0.0
    for j in 0..<count {
      let (g, half) = (abs(Double(all.gradient[j])), 1.7 * (Double(all.one[j]) + Double(all.other[j])))
      let a = max(g, half)
      let weight = a > 0 ? g / (a * a) : 0
      expected += a > 0 ? g / a : 0
      #expect(abs(Double(weights[j]) - weight) <= 1e-6 * weight)
    }
    #expect(abs(sum / expected - 1) < 1e-6)
  }
}
