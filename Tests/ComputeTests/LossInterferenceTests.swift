import JSON
import Safetensors
import System
import Testing

@testable import Compute

@Suite struct LossInterferenceTests {
  static let stream = "sha256:" + String(repeating: "0", count: 64)

  static func changes(_ values: [Float], context: Int = 4) throws -> LossChanges {
    let before = TokenLosses(values.map { _ in 0 }, context: context, stream: stream)
    let after = TokenLosses(values, context: context, stream: stream)
    return try LossChanges(run: "r", from: (8, before), to: (16, after))
  }

  @Test func `Interference is 0 where all losses fall and 1 where they cancel`() {
    #expect(LossInterference([-1, -2, -3]).destructive == 0)
    #expect(LossInterference([-2, 1, 1]).destructive == 1)
    let some = LossInterference([-3, 1])
    #expect(some.destructive == 0.5 && some.magnitude == 2 && some.change == -1 && some.worse == 1)
    #expect(LossInterference([0, 0]).destructive == nil)
  }

  @Test func `The change of the mean loss is M (1 - D)`() throws {
    let random = Philox(seed: 4)
    for stream in 0..<20 as Range<UInt32> {
      let values = (0..<300).map { Float(random.normals(stream: stream, index: $0).0 - 0.2) }
      let interference = LossInterference(values)
      let product = interference.magnitude * (1 - (try #require(interference.destructive)))
      #expect(abs(product - interference.change.magnitude) < 1e-14)
    }
  }

  @Test func `Losses of other tokens or windows are refused`() {
    let a = TokenLosses([1, 2], context: 2, stream: Self.stream)
    for b in [
      TokenLosses([1], context: 2, stream: Self.stream),
      TokenLosses([1, 2], context: 1, stream: Self.stream),
      TokenLosses([1, 2], context: 2, stream: "other"),
      TokenLosses([1, .nan], context: 2, stream: Self.stream),
    ] {
      #expect(throws: Failure.self) { try LossChanges(run: "r", from: (1, a), to: (2, b)) }
    }
    let none = TokenLosses([], context: 2, stream: Self.stream)
    #expect(throws: Failure.self) { try LossChanges(run: "r", from: (1, none), to: (2, none)) }
  }

  private static func read(_ values: [Float], _ shape: [Int], unit: String? = nil) throws -> TokenLosses {
    var bytes: [UInt8] = []
    var metadata = ["context": "2", "stream": stream]
    metadata["unit"] = unit
    let writer = try SafetensorsWriter([("losses", .float32, shape)], metadata: metadata)
    try writer.write({ _, emit in try values.withUnsafeBytes(emit) }, to: { bytes += $0 })
    return try TokenLosses(parsing: bytes)
  }

  @Test func `Numbers that are no losses are refused where they are read`() throws {
    #expect(try Self.read([1, -0.0005, 0, 3], [4]).values == [1, -0.0005, 0, 3])
    for (wrong, text) in [(Float.nan, "nan"), (.infinity, "inf"), (-0.002, "-0.002")] {
      let failure = #expect(throws: Failure.self) { try Self.read([1, 2, wrong, 3], [4]) }
      #expect(failure?.headline.contains("the loss of token 2 is \(text)") == true)
      #expect(failure?.hint?.contains("logarithm") == true)
    }
    let failure = #expect(throws: Failure.self) { try Self.read([1, 2, 3, 4], [2, 2]) }
    #expect(failure?.headline.contains("shape [2, 2]") == true)
    #expect(failure?.hint?.contains("docs/formats.md") == true)
  }

  @Test func `Perplexities and sums are told from losses by the vocabulary`() {
    func check(_ values: [Float], _ vocabulary: Int) -> Failure? {
      do throws(Failure) {
        try TokenLosses(values, context: 2, stream: "s").check(vocabulary: vocabulary)
        return nil
      } catch {
        return error
      }
    }
    #expect(check([1, 2, 800, 9], 50)?.headline.contains("mean 203") == true)
    #expect(check([12, 11, 13], 50)?.hint?.contains("logarithm") == true)
    #expect(check([12, 11, 13], 50_257) == nil)
    #expect(check([30, 21, 13], 1 << 30)?.facts.first?.value.hasPrefix("20.0 nats") == true)
    // A model whose first weights are badly chosen predicts some tokens well.
    #expect(check([100, 200, 0.5], 50) == nil)
  }

  @Test func `The unit that a file names counts`() throws {
    for unit in ["nats", "nats per token", "nats/token"] {
      #expect(try Self.read([1, 2], [2], unit: unit).values == [1, 2])
    }
    for unit in ["bits", "Bits per token", "bits_per_token"] {
      #expect(try Self.read([1, 2], [2], unit: unit).values == [0.6931472, 1.3862944])
    }
    for unit in ["bits per byte", "nats/char", "perplexity", "", "dB"] {
      let failure = #expect(throws: Failure.self) { try Self.read([1, 2], [2], unit: unit) }
      #expect(failure?.headline.contains("their unit is '\(unit)'") == true)
      #expect(failure?.hint?.contains("nats or bits") == true)
    }
  }

  @Test func `Changes and losses are read back as they were written`() throws {
    let changes = try Self.changes([1, -2, 0.5])
    var bytes: [UInt8] = []
    try changes.write { bytes += $0 }
    let read = try LossChanges(parsing: bytes)
    #expect(read.changes == changes.changes && read.run == "r" && read.from == 8 && read.to == 16)
    #expect(read.context == 4 && read.stream == Self.stream)
    var losses: [UInt8] = []
    try TokenLosses([3], context: 7, stream: "s").write { losses += $0 }
    #expect(try TokenLosses(parsing: losses).context == 7)
    for cut in 0..<bytes.count {
      #expect(throws: Failure.self) { try LossChanges(parsing: Array(bytes.prefix(cut))) }
    }
    #expect(throws: Failure.self) { try LossChanges(parsing: losses) }
    #expect(throws: Failure.self) { try TokenLosses(parsing: bytes.map { $0 ^ 1 }) }
  }

  @Test func `Positions double from bin to bin`() {
    let bins = TokenBins.positions(count: 14, context: 6)
    #expect(bins.bins.map { [$0.lower, $0.upper] } == [[1, 1], [2, 2], [3, 4], [5, 6]])
    #expect(bins.places == [0, 1, 2, 2, 3, 3, 0, 1, 2, 2, 3, 3, 0, 1])
    #expect(TokenBins.positions(count: 1, context: 64).bins.count == 1)
  }

  @Test func `Frequencies are bins of powers of ten`() {
    // 0 makes up 0.9 of the stream, 1 a tenth less one, 2 one thousandth.
    var stream = [UInt32](repeating: 0, count: 900) + [UInt32](repeating: 1, count: 99)
    stream.append(2)
    let bins = TokenBins.frequencies(of: stream, vocabulary: 4, count: 999)
    #expect(bins.places.first == 0 && bins.places[950] == 1 && bins.places.last == 2)
    #expect(bins.bins[2].lower == 0.001 && bins.bins[2].upper == 0.01)
    let rare = TokenBins.frequencies(of: stream.map { $0 == 2 ? 3 : 0 }, vocabulary: 4, count: 999)
    #expect(rare.places[3] == 0 && rare.places.last == 2)
  }

  @Test func `A summary has all of it, by position and by frequency`() throws {
    let changes = try Self.changes([-4, 2, -1, -1, -2, 1, 0, 3])
    let summary = try changes.summary(
      stream: [0, 0, 1, 0, 1, 0, 1, 0, 0], vocabulary: 2,
      bootstrap: SequenceBootstrap(resamples: 200, seed: 3))
    #expect(try summary.number("change") == -0.25 && summary.number("M") == 1.75)
    #expect(try summary.number("worse") == 3.0 / 8)
    let positions = try summary.list("by_position")
    #expect(positions.compactMap { $0["tokens"]?.integer } == [2, 2, 4])
    #expect(positions[1]["change"] == 1.5 && positions[1]["D"]?.double == 0)
    #expect(try positions.reduce(0) { $0 + (try $1.number("share")) } == 1)
    let frequencies = try summary.list("by_frequency")
    #expect(frequencies.count == 1 && frequencies[0]["from"] == 0.1 && frequencies[0]["tokens"] == 8)
    let quantiles = try summary.list("quantiles")
    #expect(quantiles.first?["change"]?.double == -4 && quantiles.last?["change"]?.double == 3)
    #expect(quantiles[4]["change"]?.double == -0.5)
    // Two windows are too few.
    #expect(summary["sequences"] == 2 && summary["D_interval"]?.isNull == true)
    #expect(throws: Failure.self) {
      try changes.summary(stream: [0, 1], vocabulary: 2, bootstrap: SequenceBootstrap(resamples: 0, seed: 1))
    }
  }

  @Test func `Intervals over sequences cover the truth about as often as they say`() throws {
    let random = Philox(seed: 11)
    var (covered, width) = (0, 0.0)
    for trial in 0..<100 as Range<UInt32> {
      // Tokens of a sequence share a term, so that tokens alone would make intervals too narrow.
      let values = (0..<40).flatMap { sequence in
        let shared = random.normals(stream: trial, index: UInt64(sequence)).0
        return (0..<4).map {
          Float(shared + random.normals(stream: 1000 + trial, index: UInt64(sequence * 4 + $0)).0)
        }
      }
      let intervals = try SequenceBootstrap(resamples: 100, seed: Int(trial)).intervals(
        of: try Self.changes(values).sequences, from: LossInterference(), adding: +=,
        [(-.infinity ... .infinity, \.change)])
      let interval = try #require(intervals[0])
      if (interval.lower...interval.upper).contains(0) { covered += 1 }
      width += (interval.upper - interval.lower) / 100
    }
    #expect((85...100).contains(covered))
    // Means over four tokens of 40 sequences have the variance (1 + 1/4) / 40.
    let quantile = StudentT.quantile(tails: 0.05, degrees: 39)
    #expect(abs(width / (2 * quantile * (1.25 / 40).squareRoot()) - 1) < 0.1)
  }

  @Test(arguments: `Model fixtures`.names)
  func `D and M of optimiser steps are the expected ones`(name: String) throws {
    let fixture = try `Model fixtures`.Fixture(name)
    let batch = try fixture.batch("input_ids", "labels")
    let before = try Transformer(fixture.model, threads: Threads(1)).losses(
      of: batch, weights: fixture.weights)
    for step in ["step1", "step2"] {
      let expected = try fixture.facts.member(step).member("loss_change_vs_initial")
      let after = try fixture.values("\(step).token_losses").map { Float($0) }
      let interference = LossInterference(zip(before, after).map { $1 - $0 })
      let d = try expected.number("D")
      #expect(abs(try #require(interference.destructive) - d) < 1e-5)
      #expect(abs(interference.magnitude / (try expected.number("M")) - 1) < 1e-5)
      // What is left where changes cancel has few digits.
      #expect(
        abs(interference.change - (try expected.number("mean"))) < 1e-5 * interference.magnitude)
    }
  }
}
