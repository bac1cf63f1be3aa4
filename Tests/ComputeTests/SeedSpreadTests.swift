import Testing

@testable import Compute

@Suite struct SeedSpreadTests {
  /// Quantiles as tables print them (Abramowitz and Stegun, table 26.10).
  @Test(arguments: [
    (1, 0.05, 12.706), (2, 0.05, 4.303), (3, 0.05, 3.182), (5, 0.05, 2.571), (10, 0.05, 2.228),
    (30, 0.05, 2.042),
    (120, 0.05, 1.980), (1, 0.5, 1.0), (4, 0.01, 4.604), (7, 0.2, 1.415), (60, 0.001, 3.460),
    (10_000_000_000_000, 0.05, 1.960),
  ])
  func `Quantiles are those of tables`(degrees: Int, tails: Double, value: Double) {
    #expect(abs(StudentT.quantile(tails: tails, degrees: degrees) - value) < 6e-4)
  }

  @Test(arguments: [1, 2, 3, 4, 9, 40, 1000]) func `Tails and quantiles are inverse`(degrees: Int) {
    for tails in [1e-9, 1e-3, 0.05, 0.4, 0.999] {
      let quantile = StudentT.quantile(tails: tails, degrees: degrees)
      #expect(abs(StudentT.tails(beyond: quantile, degrees: degrees) / tails - 1) < 1e-9)
      #expect(
        StudentT.tails(beyond: -quantile, degrees: degrees)
          == StudentT.tails(beyond: quantile, degrees: degrees))
    }
    #expect(StudentT.tails(beyond: 0, degrees: degrees) == 1)
    #expect(StudentT.tails(beyond: .infinity, degrees: degrees) == 0)
    #expect(StudentT.tails(beyond: 1e200, degrees: degrees) < 1e-100)
  }

  @Test func `One degree of freedom is Cauchy's distribution, two have a root`() {
    // P(|t| > 1) is 1/2 and 1 - 1/sqrt 3.
    #expect(abs(StudentT.tails(beyond: 1, degrees: 1) - 0.5) < 1e-14)
    #expect(abs(StudentT.tails(beyond: 1, degrees: 2) - (1 - 1 / 3.0.squareRoot())) < 1e-14)
  }

  @Test func `One seed says nothing of another`() throws {
    let one = try #require(SeedSpread([2]))
    #expect(one.mean == 2 && one.deviation == nil && one.meanInterval == nil && one.nextInterval == nil)
    #expect(SeedSpread([]) == nil)
    #expect(SeedDifference(from: one, to: one, among: [one, one]) == nil)
  }

  /// How often the intervals hold what they should, for small numbers of seeds: 95 % of the time, neither more nor less.
  @Test(arguments: [2, 3, 5]) func `Intervals hold the mean, and another seed, at their rate`(seeds: Int)
    throws
  {
    let random = Philox(seed: 7)
    let studies = 4000
    var (means, others) = (0, 0)
    for study in 0..<studies {
      let draws = (0...seeds).map {
        3 + 0.2 * random.normals(stream: UInt32(seeds), index: UInt64(study * 16 + $0)).0
      }
      let spread = try #require(SeedSpread(Array(draws.dropLast())))
      if try #require(spread.meanInterval).contains(3) { means += 1 }
      if try #require(spread.nextInterval).contains(draws[seeds]) { others += 1 }
    }
    // Four standard errors on either side.
    for held in [means, others] { #expect(abs(Double(held) / Double(studies) - 0.95) < 0.0138) }
  }

  /// The rate at which equal groups are told apart, also one with three seeds from one with a single seed.
  @Test(arguments: [[3, 1], [3, 3], [2, 1], [4, 2]]) func `Equal groups are told apart 5 % of the time`(
    sizes: [Int]
  ) throws {
    let random = Philox(seed: 8)
    let studies = 4000
    var found = 0
    for study in 0..<studies {
      let groups = sizes.enumerated().compactMap { group, count in
        SeedSpread(
          (0..<count).map {
            random.normals(stream: UInt32(group + 10 * count), index: UInt64(study * 16 + $0)).0
          })
      }
      let difference = try #require(SeedDifference(from: groups[0], to: groups[1], among: groups))
      if difference.probability < 0.05 { found += 1 }
    }
    #expect(abs(Double(found) / Double(studies) - 0.05) < 0.0138)
  }

  @Test func `A difference far beyond the seeds' own is found, with its sign`() throws {
    let small = try #require(SeedSpread([0.5, 0.52, 0.51]))
    let large = try #require(SeedSpread([0.8]))
    let difference = try #require(SeedDifference(from: small, to: large, among: [small, large]))
    #expect(difference.degrees == 2 && difference.probability < 0.01)
    #expect(abs(difference.difference - 0.29) < 1e-12)
  }
}
