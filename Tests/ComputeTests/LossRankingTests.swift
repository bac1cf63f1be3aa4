import Foundation
import JSON
import Safetensors
import System
import Testing

@testable import Compute

/// Trainings at equal mean loss, beside the float64 reference of Tests/Reference/ranking.py.
@Suite struct LossRankingTests {
  private struct Fixture {
    let expected: JSON
    let losses: [TokenLosses]
    let stream: [UInt32]

    init() throws {
      let folder = URL(fileURLWithPath: #filePath).appending(path: "../../Fixtures/ranking").standardized
      func bytes(_ name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: folder.appending(path: name)))
      }
      expected = try JSON(parsing: bytes("expected.json"))
      let file = try SafetensorsFile(bytes("losses.safetensors"))
      let shape = try #require(file.descriptor("losses")).shape
      let values: [Float] = try file.elements("losses", .float32)
      let context = try expected.whole("context")
      losses = stride(from: 0, to: values.count, by: shape[3]).map {
        TokenLosses(Array(values[$0..<$0 + shape[3]]), context: context, stream: "stream")
      }
      let tokens: [Int32] = try file.elements("stream", .int32)
      stream = tokens.map(UInt32.init)
    }

    func ranking() throws -> LossRanking {
      try LossRanking(
        rates: expected.numbers("rates"), seeds: expected.wholes("seeds"), steps: expected.wholes("steps"),
        losses: losses)
    }

    func summary(_ level: JSON) throws -> JSON {
      try ranking().summary(
        at: level.number("loss"), stream: stream, vocabulary: expected.whole("vocabulary"))
    }
  }

  private func expect(_ found: Double, _ expected: Double, _ what: String, within: Double = 1e-9) {
    #expect(abs(found - expected) <= within * max(1, abs(expected)), "\(what) is \(found), not \(expected)")
  }

  private func expect(_ found: [Double], _ expected: [Double], _ what: String, within: Double = 1e-9) {
    #expect(found.count == expected.count)
    for (a, b) in zip(found, expected) { expect(a, b, what, within: within) }
  }

  @Test func `Everything is that of the reference`() throws {
    let fixture = try Fixture()
    let ranking = try fixture.ranking()
    let common = try ranking.commonLosses()
    let levels = try fixture.expected.list("levels")
    expect([common.lowerBound, common.upperBound], try fixture.expected.numbers("common"), "common losses")
    expect(try ranking.levels(2), try levels.map { try $0.number("loss") }, "levels")
    for expected in levels {
      let found = try fixture.summary(expected)
      let trainings = try found.list("trainings")
      expect(try trainings.map { try $0.number("step") }, try expected.numbers("steps"), "step")
      for name in ["before", "after"] {
        #expect(try trainings.map { try $0.whole(name) } == (try expected.wholes(name)))
      }
      let correlations = try expected.list("correlations")
      for (row, other) in zip(try found.list("correlations"), correlations) {
        expect(
          (row.array ?? []).compactMap(\.double), (other.array ?? []).compactMap(\.double), "correlation")
      }
      for (pair, other) in zip(try found.list("pairs"), try expected.list("pairs")) {
        for name in ["within", "between", "same_seed", "excess"] {
          expect(try pair.number(name), try other.number(name), name)
        }
        expect(try pair.numbers("interval"), try other.numbers("interval"), "interval", within: 1e-7)
        expect(try pair.number("probability"), try other.number("probability"), "probability", within: 1e-7)
      }
      for name in ["frequencies", "positions"] {
        let (bins, others) = (try found.list(name), try expected.list(name))
        #expect(bins.count == others.count)
        for (bin, other) in zip(bins, others) {
          #expect(try bin.whole("tokens") == (try other.whole("tokens")))
          let intervals = try other.list("interval")
          for (rate, found) in try bin.list("rates").enumerated() {
            let losses = try other.list("losses")[rate].array ?? []
            expect(try found.numbers("losses"), losses.compactMap(\.double), "losses")
            expect(try found.number("difference"), try other.numbers("difference")[rate], "difference")
            expect(
              try found.numbers("interval"), (intervals[rate].array ?? []).compactMap(\.double), "interval",
              within: 1e-7)
            expect(
              try found.number("probability"), try other.numbers("probability")[rate], "probability",
              within: 1e-7)
          }
        }
      }
    }
  }

  @Test func `At every level all trainings have that mean loss, so that differences add up to nothing`()
    throws
  {
    let fixture = try Fixture()
    let ranking = try fixture.ranking()
    for level in try ranking.levels(4) {
      for place in try ranking.places(at: level) {
        #expect(abs(Sums.mean(place.losses) - level) < 1e-12)
        #expect((Double(place.before)...Double(place.after)).contains(place.step.rounded(.toNearestOrEven)))
      }
      let summary = try ranking.summary(at: level, stream: fixture.stream, vocabulary: 11)
      for name in ["frequencies", "positions"] {
        for rate in ranking.rates.indices {
          var sum = 0.0
          for bin in try summary.list(name) {
            let difference = try bin.list("rates")[rate].number("difference")
            sum += try bin.number("tokens") * difference
          }
          #expect(abs(sum) < 1e-10)
        }
      }
      let result = try RankingResult(json: [
        "rates": .numbers(ranking.rates), "seeds": .wholes(ranking.seeds), "tokens": .whole(ranking.tokens),
        "levels": [summary],
      ])
      #expect(result.levels[0].pairs.count == 3 && result.levels[0].positions.count == 4)
    }
  }

  @Test func `Trainings that are all the same agree wholly, and differ in nothing`() throws {
    let fixture = try Fixture()
    let one = Array(fixture.losses[..<3])
    let ranking = try LossRanking(
      rates: [1, 2], seeds: [1, 2, 3], steps: [10, 30, 100], losses: one + one + one + one + one + one)
    let summary = try ranking.summary(at: ranking.levels(1)[0], stream: fixture.stream, vocabulary: 11)
    for pair in try summary.list("pairs") {
      let (between, excess) = (try pair.number("between"), try pair.number("excess"))
      #expect(abs(between - 1) < 1e-12 && abs(excess) < 1e-12)
    }
    for bin in try summary.list("frequencies") {
      for rate in try bin.list("rates") { #expect(abs(try rate.number("difference")) < 1e-12) }
    }
  }

  @Test func `What few seeds do not tell is null`() throws {
    let fixture = try Fixture()
    func summary(_ seeds: [Int]) throws -> JSON {
      var losses: [TokenLosses] = []
      for rate in 0..<3 {
        for seed in seeds {
          let first = (rate * 4 + seed) * 3
          losses += fixture.losses[first..<first + 3]
        }
      }
      let ranking = try LossRanking(rates: [1, 2, 8], seeds: seeds, steps: [10, 30, 100], losses: losses)
      return try ranking.summary(at: ranking.levels(1)[0], stream: fixture.stream, vocabulary: 11)
    }
    func isNull(_ json: JSON, _ list: String, _ name: String) throws -> Bool {
      let first = try json.list(list)[0]
      return try (list == "pairs" ? first : first.list("rates")[0]).member(name).isNull
    }
    let (one, two) = (try summary([0]), try summary([0, 1]))
    for name in ["within", "between", "excess", "interval", "probability"] {
      #expect(try isNull(one, "pairs", name))
    }
    #expect(try isNull(one, "positions", "probability") && isNull(two, "pairs", "interval"))
    #expect(try !isNull(one, "pairs", "same_seed") && !isNull(two, "pairs", "excess"))
    #expect(try !isNull(two, "positions", "interval"))
  }

  private func losses(_ values: [[Float]], context: Int = 4) -> [TokenLosses] {
    values.map { TokenLosses($0, context: context, stream: "a") }
  }

  @Test func `What cannot be compared is refused`() throws {
    let (high, low): ([Float], [Float]) = ([4, 3, 5], [1, 2, 3])
    func ranking(
      _ losses: [TokenLosses]? = nil, rates: [Double] = [1, 2], seeds: [Int] = [1], steps: [Int] = [1, 2]
    ) throws -> LossRanking {
      try LossRanking(
        rates: rates, seeds: seeds, steps: steps, losses: losses ?? self.losses([high, low, high, low]))
    }
    #expect(try ranking().tokens == 3)
    #expect(throws: Failure.self) { try ranking(rates: [1]) }
    #expect(throws: Failure.self) { try ranking(rates: [1, 1]) }
    #expect(throws: Failure.self) { try ranking(rates: [1, .nan]) }
    #expect(throws: Failure.self) { try ranking(rates: [0, 1]) }
    #expect(throws: Failure.self) { try ranking(seeds: []) }
    #expect(throws: Failure.self) { try ranking(seeds: [1, 1]) }
    #expect(throws: Failure.self) { try ranking(steps: [2, 1]) }
    #expect(throws: Failure.self) { try ranking(steps: [0, 1]) }
    #expect(throws: Failure.self) { try ranking(steps: [1]) }
    #expect(throws: Failure.self) { try ranking([]) }
    #expect(throws: Failure.self) { try ranking(self.losses([[1], [1], [1], [1]])) }
    #expect(throws: Failure.self) { try ranking(self.losses([[], [], [], []])) }
    #expect(throws: Failure.self) { try ranking(self.losses([high, low, high, [.nan, 1, 1]])) }
    #expect(throws: Failure.self) { try ranking(self.losses([high, low, high, [1, 1]])) }
    #expect(throws: Failure.self) {
      try ranking(self.losses([high, low, high]) + self.losses([low], context: 2))
    }
    // Trainings without a mean loss in common, and levels that not all have.
    #expect(throws: Failure.self) { try ranking(self.losses([high, high, low, low])).levels(1) }
    for level in [0.5, 5, .nan] {
      #expect(throws: Failure.self) { try ranking().summary(at: level, stream: [0, 1, 2, 3], vocabulary: 4) }
    }
    #expect(throws: Failure.self) { try ranking().summary(at: 2, stream: [0, 1, 2], vocabulary: 4) }
    // All tokens alike: they have no order.
    #expect(throws: Failure.self) {
      try ranking(self.losses([[4, 4, 4], [2, 2, 2], high, low])).summary(
        at: 3, stream: [0, 1, 2, 3], vocabulary: 4)
    }
  }

  @Test func `Results that say nonsense are refused`() throws {
    let fixture = try Fixture()
    let ranking = try fixture.ranking()
    let summary = try ranking.summary(at: ranking.levels(1)[0], stream: fixture.stream, vocabulary: 11)
    let good: JSON = ["rates": [1, 2, 3], "seeds": [1], "tokens": 60, "levels": [summary]]
    #expect(try RankingResult(json: good).levels.count == 1)
    func refused(_ name: String, _ value: JSON, inLevel: Bool = true) -> Bool {
      var (members, level) = (good.object ?? [:], summary.object ?? [:])
      if inLevel { level[name] = value } else { members[name] = value }
      if inLevel { members["levels"] = [.object(level)] }
      return (try? RankingResult(json: .object(members))) == nil
    }
    #expect(refused("levels", [], inLevel: false) && refused("rates", [1], inLevel: false))
    #expect(refused("loss", -1) && refused("loss", 1e300) && refused("trainings", []))
    #expect(refused("pairs", [["rates": [1], "same_seed": 1]]) && refused("pairs", 3))
    #expect(refused("positions", [["from": 1e300, "to": 1e301, "tokens": 1, "rates": []]]))
    #expect(refused("frequencies", [["from": -1, "to": 1, "tokens": 1, "rates": []]]))
  }
}
