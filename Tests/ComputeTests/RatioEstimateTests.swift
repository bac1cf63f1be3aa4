import Testing

@testable import Compute

@Suite struct `Sums estimated from a sample of tokens` {
  private static let tokens = Array(0..<200)
  private static let random = Philox(seed: 11)
  /// From .5 to 8, and a quantity that follows it up to some noise.
  private static let reach = tokens.map { 0.5 + 7.5 * Double($0 * 37 % 200) / 200 }
  private static let values = tokens.map { token in
    reach[token] * (3 + 0.3 * random.normals(stream: 0, index: UInt64(token)).0)
  }

  private func estimate(_ count: Int, seed: UInt64) -> RatioEstimate {
    RatioEstimate(TokenSample(of: Self.tokens, length: 50, count: count, seed: seed), reach: Self.reach)
  }

  @Test func `What is in proportion to the reach is known without an error`() {
    let estimate = estimate(10, seed: 1)
    let sum = 2.5 * Self.reach.reduce(0, +)
    #expect(abs(estimate.sum { 2.5 * Self.reach[$0] } / sum - 1) < 1e-12)
    #expect(estimate.standardError(of: estimate.sample.sampled) { 2.5 * Self.reach[$0] } < 1e-9 * sum)
    for (half, scale) in zip(estimate.sample.halves, estimate.halfScales) {
      #expect(abs(scale * half.reduce(0) { $0 + 2.5 * Self.reach[$1] } / sum - 1) < 1e-12)
    }
  }

  @Test func `The whole as a sample has no error, and one known token tells none`() {
    let whole = estimate(200, seed: 1)
    #expect(abs(whole.sum { Self.values[$0] } / Self.values.reduce(0, +) - 1) < 1e-12)
    #expect(whole.standardError(of: whole.sample.sampled) { Self.values[$0] } == 0)
    #expect(estimate(10, seed: 1).standardError(of: [3]) { Self.values[$0] } == .infinity)
  }

  @Test func `Errors are what repeated samples show`() {
    let truth = Self.values.reduce(0, +)
    var (squares, variances) = (0.0, 0.0)
    for seed in 0..<200 {
      let estimate = estimate(20, seed: UInt64(seed))
      let difference = estimate.sum { Self.values[$0] } - truth
      let error = estimate.standardError(of: estimate.sample.sampled) { Self.values[$0] }
      squares += difference * difference
      variances += error * error
    }
    // Two estimates of one variance; the scale alone, without the reach, would show ten times as much.
    #expect((0.75..<1.35).contains((squares / variances).squareRoot()))
    #expect((squares / 200).squareRoot() < 0.04 * truth)
  }

  @Test func `Where nothing reaches below, a token of the sample stands for equally many`() {
    let sample = TokenSample(of: Self.tokens, length: 50, count: 16, seed: 2)
    let estimate = RatioEstimate(sample, reach: Self.tokens.map { _ in 0 })
    #expect(estimate.scale == 12.5)
    #expect(estimate.halfScales == [25, 25])
  }
}
