import Actions
import Foundation
import JSON
import Testing

@testable import Report

/// Results of `zsl.ranking` whose every number is written down here.
@Suite struct RankingReportTests {
  typealias Workbench = OperationTests.Workbench

  /// Two rates at two mean losses; of the last, what is given.
  /// - Parameters:
  ///   - excess: with its probability; nil where seeds do not tell.
  ///   - difference: of the second rate at the rarer tokens, with its probability.
  static func result(
    seeds: Int = 5, excess: (Double, Double)? = (0.05, 0.001), difference: (Double, Double)? = (0.02, 0.001)
  ) -> JSON {
    func pair(_ excess: (Double, Double)?) -> JSON {
      [
        "rates": [0.002, 0.008], "same_seed": 0.93, "within": seeds > 1 ? 0.97 : nil,
        "between": excess.map { .number(0.97 - $0.0) } ?? nil, "excess": excess.map { .number($0.0) } ?? nil,
        "interval": excess.map { [.number($0.0 - 0.01), .number($0.0 + 0.01)] } ?? nil,
        "probability": excess.map { .number($0.1) } ?? nil,
      ]
    }
    func bin(_ from: Double, _ to: Double, _ value: Double, _ probability: Double?) -> JSON {
      func rate(_ rate: Double, _ value: Double) -> JSON {
        [
          "rate": .number(rate), "losses": [], "difference": .number(value),
          "interval": probability.map { _ in [.number(value - 0.01), .number(value + 0.01)] } ?? nil,
          "probability": probability.map { .number($0) } ?? nil,
        ]
      }
      return [
        "from": .number(from), "to": .number(to), "tokens": 50,
        "rates": [rate(0.002, -value), rate(0.008, value)],
      ]
    }
    func level(_ loss: Double, _ excess: (Double, Double)?, _ difference: (Double, Double)?) -> JSON {
      [
        "loss": .number(loss), "trainings": [["step": 300.7], ["step": 1200]], "pairs": [pair(excess)],
        "frequencies": [
          bin(0.01, 0.1, -(difference?.0 ?? 0), difference?.1),
          bin(0, 0.01, difference?.0 ?? 0, difference?.1),
        ],
        "positions": [
          bin(1, 1, 0, difference == nil ? nil : 0.9), bin(2, 4, 0, difference == nil ? nil : 0.9),
        ],
      ]
    }
    return [
      "rates": [0.002, 0.008], "seeds": .array((0..<seeds).map { .integer(Int64($0)) }), "tokens": 1000,
      "levels": [level(2.5, excess, difference), level(2, excess, difference)],
    ]
  }

  static func inputs(_ bench: Workbench, _ result: JSON) throws -> [String: [InputArtefact]] {
    ["fits": [try bench.fit("14M")], "rankings": [try bench.input(result.canonicalBytes)]]
  }

  private func text(_ result: JSON) async throws -> String {
    let bench = try Workbench()
    let page = try await bench.run(PageOperation(), Self.inputs(bench, result))
    let root = try XMLNode.parse(try #require(page["html"]))
    let section = try #require(root.all("section").first { $0.attributes["id"] == "rates" })
    return section.content.split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }

  @Test func `What is found is said, with the test that it follows from`() async throws {
    let text = try await text(Self.result())
    #expect(text.contains("At a mean loss of 2.000, the lowest of those compared"), "\(text)")
    #expect(text.contains("after 300 to 1200 updates"))
    #expect(
      text.contains(
        "tokens are ranked less alike by the rates 0.002 and 0.008 than by seeds of one rate (jackknife"))
    #expect(text.contains("with 4 degrees of freedom, at 5 % for the one pair"))
    #expect(text.contains("the rate 0.002 has lower losses at frequency below 0.01 (−0.020)"))
    #expect(text.contains("higher ones at frequency 0.01 to 0.1 (0.020)"))
    #expect(text.contains("at 5 % for all 8 comparisons"))
    #expect(text.contains("2.0000.002 and 0.0080.97000.92000.93000.05000.0400 to 0.0600"))
  }

  @Test func `What is not certain is not said`() async throws {
    // Of eight comparisons a probability of .01 is not below 5 %.
    let text = try await text(Self.result(excess: (0.05, 0.06), difference: (0.02, 0.01)))
    #expect(text.contains("rates are not found to rank tokens less alike than seeds of one rate do"))
    #expect(text.contains("no rate is found to favour tokens of some frequency or position"))
    let reverse = try await self.text(Self.result(excess: (-0.05, 0.001)))
    #expect(
      reverse.contains("tokens are ranked more alike by the rates 0.002 and 0.008 than by seeds of one rate"))
  }

  @Test func `One seed and two say what they cannot tell`() async throws {
    let one = try await text(Self.result(seeds: 1, excess: nil, difference: nil))
    #expect(one.contains("that takes three seeds, and there is one"))
    #expect(one.contains("cannot be told from one seed each"))
    #expect(try await text(Self.result(seeds: 2, excess: nil)).contains("and there are 2"))
  }

  @Test func `The figure has a panel of correlations, of frequencies and of positions, with its data`()
    async throws
  {
    let bench = try Workbench()
    let outputs = try await bench.run(
      ZeroSumFigureOperation(), Self.inputs(bench, Self.result()), ["figure": "ranking"])
    #expect(try SVG(file: try #require(outputs["svg"]))["data-figure"] == "ranking")
    let rows = String(decoding: try #require(outputs["data"]), as: UTF8.self).split(separator: "\n")
    for panel in ["1,", "2,", "3,"] { #expect(rows.contains { $0.hasPrefix(panel) }, "\(rows)") }
    #expect(rows.contains { $0.contains("rate 0.008") } && rows.contains { $0.contains("0.002 and 0.008") })
    // Points stand beside each other in the drawing alone.
    #expect(rows.contains { $0.contains("0.002 and 0.008,2.5,0.05,0.04,") }, "\(rows)")
  }

  @Test func `Findings stand in the table with the seeds that they are over`() async throws {
    let bench = try Workbench()
    let outputs = try await bench.run(TablesOperation(), Self.inputs(bench, Self.result()))
    let rows = String(decoding: try #require(outputs["findings"]), as: UTF8.self).split(separator: "\n")
    #expect(
      rows.contains {
        $0.hasPrefix("rates,0.002 and 0.008,rank_correlation_excess at mean loss 2,,0.05,0.04,")
          && $0.contains(",mean over seeds,5,sha256:")
      }, "\(rows)")
    #expect(
      rows.contains {
        $0.contains("rates,0.008,") && $0.contains("frequency below 0.01") && $0.contains(",0.02,")
      },
      "\(rows)")
  }

  @Test func `Numbers without a place on an axis are left out, and nonsense is refused`() async throws {
    let bench = try Workbench()
    let wild = Self.result(excess: (1e250, 0.5), difference: (1e300, 0.5))
    let outputs = try await bench.run(
      ZeroSumFigureOperation(), Self.inputs(bench, wild), ["figure": "ranking"])
    #expect(outputs["svg"] != nil)
    for broken in [["rates": [1, 2], "seeds": [1], "tokens": 1, "levels": []] as JSON, 3, ["levels": "x"]] {
      await #expect(throws: (any Error).self) {
        try await bench.run(PageOperation(), Self.inputs(bench, broken))
      }
    }
  }
}
