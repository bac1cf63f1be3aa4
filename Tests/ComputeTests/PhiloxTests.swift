import Testing

@testable import Compute

@Suite struct PhiloxTests {
  /// The known answers that come with Salmon et al.'s Random123.
  @Test func `Blocks are those of the published known answers`() {
    let zero = Philox(key: (0, 0)).block(SIMD4(repeating: 0))
    #expect(zero == SIMD4(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
    let ones = Philox(key: (.max, .max)).block(SIMD4(repeating: .max))
    #expect(ones == SIMD4(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
    let pi = Philox(key: (0xa409_3822, 0x299f_31d0)).block(
      SIMD4(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344))
    #expect(pi == SIMD4(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
  }

  @Test func `Normal numbers have mean 0, variance 1 and no correlation`() {
    let random = Philox(seed: 7)
    let pairs = (0..<20_000).map { random.normals(stream: 3, index: UInt64($0)) }
    let count = Double(pairs.count)
    let mean = pairs.reduce(0.0) { $0 + $1.0 + $1.1 } / (2 * count)
    let variance = pairs.reduce(0.0) { $0 + $1.0 * $1.0 + $1.1 * $1.1 } / (2 * count)
    let product = pairs.reduce(0.0) { $0 + $1.0 * $1.1 } / count
    #expect(abs(mean) < 0.02)
    #expect(abs(variance - 1) < 0.03)
    #expect(abs(product) < 0.03)
  }

  @Test func `No two uses share a stream`() {
    let single = [
      Streams.words, Streams.topics, Streams.neighbours, Streams.documents, Streams.split, Streams.batches,
      Streams.sample, Streams.gradients, Streams.decelerations,
    ]
    let families = (0..<1000).flatMap {
      [Streams.initialisation($0), Streams.residuals($0), Streams.sequences($0), Streams.signs($0)]
    }
    let runs = PublishedRun.all.map { Streams.noise(of: $0.name) }
    #expect(Set(single + families + runs).count == single.count + families.count + runs.count)
  }

  @Test func `Whole numbers reach every value below their bound and none beyond`() {
    let random = Philox(seed: 7)
    let seen = Set((0..<400).map { random.number(below: 7, stream: 0, index: $0) })
    #expect(seen == Set(0..<7))
  }
}
