import JSON
import Safetensors
import System
import Testing

@testable import Compute

@Suite struct LossPredictionTests {
  private static func prediction(_ predicted: [Double], _ measured: [Double]) throws -> LossPrediction {
    try LossPrediction(predicted: predicted, measured: measured)
  }

  /// Measured changes that follow the predicted ones with noise, of 500 tokens, some of which are predicted alike.
  private static func sample(seed: UInt64) throws -> LossPrediction {
    let random = Philox(seed: seed)
    let pairs = (0..<500 as Range<UInt64>).map { token -> (Double, Double) in
      let (a, b) = random.normals(stream: 1, index: token)
      let predicted = (a * 10).rounded() / 100 - 0.02
      return (predicted, 0.6 * predicted + 0.03 * b + 0.01)
    }
    return try prediction(pairs.map(\.0), pairs.map(\.1))
  }

  private static func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }

  /// Pearson's r as the mean product of standardised numbers.
  private static func correlation(_ x: [Double], _ y: [Double]) -> Double {
    func standardised(_ values: [Double]) -> [Double] {
      let mean = mean(values)
      let variance = Self.mean(values.map { ($0 - mean) * ($0 - mean) })
      return values.map { ($0 - mean) / variance.squareRoot() }
    }
    return mean(zip(standardised(x), standardised(y)).map { $0 * $1 })
  }

  /// Twice a number's rank, counted: those below it, and half of those that are the same.
  private static func ranks(_ values: [Double]) -> [Double] {
    values.map { value in
      Double(2 * values.count { $0 < value } + values.count { $0 == value })
    }
  }

  @Test(arguments: [1, 2, 3]) func `Correlations, line and shares are those of their definitions`(
    seed: UInt64
  ) throws {
    let prediction = try Self.sample(seed: seed)
    let (x, y) = (prediction.predicted, prediction.measured)
    let summary = prediction.summary(bins: 20)
    func number(_ name: String) throws -> Double { try #require(summary[name]?.double) }

    #expect(abs(try number("correlation") - Self.correlation(x, y)) < 1e-12)
    #expect(abs(try number("rank_correlation") - Self.correlation(Self.ranks(x), Self.ranks(y))) < 1e-12)
    // No line near that of least squares has a smaller sum of squares.
    let (slope, intercept) = (try number("slope"), try number("intercept"))
    func squares(_ slope: Double, _ intercept: Double) -> Double {
      zip(x, y).reduce(0) { sum, pair in
        let error = pair.1 - slope * pair.0 - intercept
        return sum + error * error
      }
    }
    for (a, b) in [(1e-3, 0), (-1e-3, 0), (0, 1e-4), (0, -1e-4)] {
      #expect(squares(slope, intercept) < squares(slope + a, intercept + b))
    }
    #expect(abs(slope - 0.6) < 0.1)
    let missed = (squares(1, 0) / 500).squareRoot()
    #expect(abs(try number("rms_missed") - missed) < 1e-12)
    #expect(abs(try number("missed") - (squares(1, 0) / squares(0, 0)).squareRoot()) < 1e-12)
    let signs = zip(x, y).count { $0 * $1 > 0 || $0 == 0 && $1 == 0 }
    #expect(try number("sign") == Double(signs) / 500)
    let worse = y.count { $0 > 0 }
    #expect(try number("sign_null") == Double(max(worse, 500 - worse)) / 500)
    #expect(abs(try #require(summary["measured"]?["change"]?.double) - Self.mean(y)) < 1e-12)
    let magnitude = Self.mean(x.map { abs($0) })
    #expect(abs(try #require(summary["predicted"]?["M"]?.double) - magnitude) < 1e-12)
  }

  @Test func `Bins hold equally many tokens in the order of their predictions`() throws {
    let prediction = try Self.sample(seed: 4)
    let bins = try #require(prediction.summary(bins: 20)["bins"]?.array)
    #expect(bins.count == 20 && bins.allSatisfy { $0["tokens"] == 25 })
    for (bin, next) in zip(bins, bins.dropFirst()) {
      #expect(try #require(bin["to"]?.double) <= #require(next["from"]?.double))
    }
    let means = bins.compactMap { $0["measured"]?.double }
    #expect(abs(Self.mean(means) - Self.mean(prediction.measured)) < 1e-12)
    for bin in bins {
      let numbers = ["from", "predicted", "to"].compactMap { bin[$0]?.double }
      #expect(numbers.count == 3 && numbers == numbers.sorted())
      let spread = ["measured_10", "measured_90"].compactMap { bin[$0]?.double }
      #expect(spread.count == 2 && spread[0] < spread[1])
    }
    let all = try Self.prediction([0, 1, 2, 3, 4], [10, 20, 30, 40, 50]).summary(bins: 1)["bins"]?.array
    #expect(all?[0]["measured_10"]?.double == 14 && all?[0]["measured_90"]?.double == 46)
    #expect(try Self.prediction([1, 2, 3], [1, 2, 3]).summary(bins: 20)["bins"]?.array?.count == 3)
  }

  @Test func `A perfect prediction misses nothing`() throws {
    let changes = [-0.5, 0.25, 0, -0.125]
    let summary = try Self.prediction(changes, changes).summary(bins: 2)
    for name in ["correlation", "rank_correlation", "slope", "sign"] {
      #expect(abs(try #require(summary[name]?.double) - 1) < 1e-15)
    }
    for name in ["intercept", "missed", "rms_missed"] { #expect(summary[name]?.double == 0) }
  }

  @Test func `What constants leave undefined is null`() throws {
    let names = ["correlation", "rank_correlation", "slope", "intercept", "missed"]
    func undefined(_ predicted: [Double], _ measured: [Double]) throws -> [String] {
      let summary = try Self.prediction(predicted, measured).summary(bins: 3)
      return names.filter { summary[$0]?.isNull == true }
    }
    let (constant, other) = ([0.1, 0.1, 0.1], [0.1, 0.2, 0.4])
    #expect(try undefined(constant, other) == ["correlation", "rank_correlation", "slope", "intercept"])
    #expect(try undefined(other, constant) == ["correlation", "rank_correlation"])
    #expect(try undefined(constant, [0, 0, 0]) == names)
    #expect(try undefined([0.1], [0.2]) == ["correlation", "rank_correlation", "slope", "intercept"])
    // Differences whose squares are too small for a double.
    #expect(try undefined([1e-200, 2e-200], [1, 2]).contains("slope"))
  }

  @Test func `Numbers that are not finite, or far too large, are refused`() throws {
    for wrong in [Double.nan, .infinity, -1e100, 1e308] {
      #expect(throws: Failure.self) { try Self.prediction([0, wrong], [0, 0]) }
      #expect(throws: Failure.self) { try Self.prediction([0, 0], [wrong, 0]) }
    }
    #expect(throws: Failure.self) { try Self.prediction([], []) }
    #expect(throws: Failure.self) { try Self.prediction([1], [1, 2]) }
  }

  // MARK: Files

  private static func file(
    _ tensors: [(String, [Int], [Float])], sums: [Double]? = nil, unit: String? = nil
  ) throws -> [UInt8] {
    var bytes: [UInt8] = []
    let own = sums.map { [("l1_g", DType.float64, [$0.count]), ("sum_p", .float64, [$0.count])] } ?? []
    try SafetensorsWriter(
      own + tensors.map { ($0.0, .float32, $0.1) }, metadata: unit.map { ["unit": $0] } ?? [:]
    ).write(
      { tensor, emit in
        if let values = tensors.first(where: { $0.0 == tensor.name })?.2 {
          try values.withUnsafeBytes(emit)
        } else {
          try sums?.withUnsafeBytes(emit)
        }
      }, to: { bytes += $0 })
    return bytes
  }

  private static func losses(
    _ before: [Float] = [3, 4, 5, 6], _ after: [Float] = [2.5, 4.5, 5.5, 5], _ shape: [Int] = [2, 2]
  ) throws -> [UInt8] {
    try file([("train.before", shape, before), ("train.after", shape, after)])
  }

  @Test func `The changes are those of the batch that was asked for`() throws {
    let gradients = try Self.file([("losses", [2], [5, 6])], sums: [0.25, -0.75])
    let prediction = try LossPrediction(gradients: gradients, losses: Self.losses(), batch: 2)
    #expect(prediction.predicted == [0.25, -0.75] && prediction.measured == [0.5, -1])
    // Losses agree up to what rounding does.
    let rounded = try Self.file([("losses", [2], [5.00001, 5.99999])], sums: [0.25, -0.75])
    #expect(try LossPrediction(gradients: rounded, losses: Self.losses(), batch: 2).measured == [0.5, -1])
  }

  private func message(
    gradients: [UInt8]? = nil, losses: [UInt8]? = nil, batch: Int = 1
  ) throws -> String {
    let gradients = try gradients ?? Self.file([("losses", [2], [3, 4])], sums: [0, 0])
    let losses = try losses ?? Self.losses()
    do {
      _ = try LossPrediction(gradients: gradients, losses: losses, batch: batch)
      return ""
    } catch { return error.description }
  }

  @Test func `Files that do not belong together are refused, with what to do`() throws {
    #expect(try message() == "")
    for batch in [0, 3, .max] { #expect(try message(batch: batch).contains("there is no batch \(batch)")) }
    let other = try Self.file([("losses", [2], [3, 4.01])], sums: [0, 0])
    #expect(try message(gradients: other).contains("the loss of token 1 before the update is 4.01"))
    let undefined = try Self.file([("losses", [2], [3, .nan])], sums: [0, 0])
    #expect(try message(gradients: undefined).contains("the loss of token 1 is nan"))
    let negative = try Self.file([("losses", [2], [-3, 4])], sums: [0, 0])
    #expect(try message(gradients: negative).contains("the loss of token 0 is -3.0"))
    let short = try Self.file([("losses", [1], [3])], sums: [0])
    #expect(try message(gradients: short).contains("the context and the data_seed"))
    let fewer = try Self.file([("losses", [2], [3, 4])], sums: [0])
    #expect(try message(gradients: fewer).contains("1 tokens' changes are predicted"))
    let proxy = try Self.file([("losses", [2], [3, 4])])
    #expect(try message(gradients: proxy).contains("method exact or sampled"))
    let unchanged = try Self.file([("losses", [2], [3, 4]), ("l1_g", [2], [1, 1])])
    #expect(try message(gradients: unchanged).contains("as 'delta'"))
    let wrong = try Self.file([("losses", [2], [3, 4]), ("l1_g", [2], [1, 1]), ("sum_p", [2], [1, 1])])
    #expect(try message(gradients: wrong).contains("output 'tokens' of zsl.gradients"))
  }

  @Test func `Another unit than nats is refused`() throws {
    let nats = try Self.file([("losses", [2], [3, 4])], sums: [0, 0], unit: "nats")
    #expect(try message(gradients: nats) == "")
    let bits = try Self.file([("losses", [2], [3, 4])], sums: [0, 0], unit: "bits")
    #expect(try message(gradients: bits).contains("this file has to be in nats"))
    let bytes = try Self.file(
      [("train.before", [1, 2], [3, 4]), ("train.after", [1, 2], [3, 4])], unit: "bits per byte")
    #expect(try message(losses: bytes).contains("their unit is 'bits per byte'"))
  }

  @Test func `Hostile files are refused`() throws {
    for bytes in [[], [1, 2, 3], [UInt8](repeating: 255, count: 64)] {
      #expect(try message(gradients: bytes).contains("make them with zsl.gradients"))
      #expect(try message(losses: bytes).contains("make them with zsl.step"))
    }
    let gradients = try Self.file([("losses", [2], [3, 4])], sums: [0, 0])
    #expect(try message(losses: gradients).contains("train.before"))
    #expect(try message(gradients: Self.losses()).contains("no 'losses'"))
    #expect(try message(losses: Self.losses([3, 4], [3, 4], [2])).contains("batches and tokens"))
    #expect(try message(losses: Self.losses([], [], [2, 0])).contains("batches and tokens"))
    #expect(try message(losses: Self.losses([], [], [0, 1 << 40])).contains("there is no batch 1"))
    let uneven = try Self.file([("train.before", [1, 2], [3, 4]), ("train.after", [2, 1], [3, 4])])
    #expect(try message(losses: uneven).contains("the update of 2"))
    let whole = try Self.losses()
    for cut in stride(from: 0, to: whole.count, by: 7) {
      #expect(try !message(losses: Array(whole.prefix(cut))).isEmpty)
    }
  }
}
