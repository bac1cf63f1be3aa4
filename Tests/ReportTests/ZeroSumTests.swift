import Compute
import Foundation
import JSON
import Pipeline
import Testing

@testable import Report

/// Results of runs that decelerate at step 4914, with D as given.
@Suite struct ZeroSumTests {
  typealias Workbench = OperationTests.Workbench

  private static func losses(_ run: String, _ from: Int, d: Double, m: Double = 0.5) -> JSON {
    [
      "run": .string(run), "from": .integer(Int64(from)), "to": .integer(Int64(2 * from)), "tokens": 100,
      "D": .number(d), "M": .number(m), "change": .number(-m * (1 - d)), "worse": 0.25,
      "D_interval": [.number(d - 0.01), .number(d + 0.01)], "M_interval": [0.4, 0.6], "change_interval": nil,
    ]
  }

  private static func step(_ run: String, _ step: Int) -> JSON {
    let spread: JSON = [
      "D": ["mean": 0.4, "std": 0.05], "M": ["mean": 0.02, "std": 0.03],
      "abs_change": ["mean": 0.01, "std": 0.002],
    ]
    return [
      "run": .string(run), "step": .integer(Int64(step)), "train": spread, "evaluation": spread,
      "batches": [["train": ["D": 0.45, "M": 0.02, "change": -0.011]]],
    ]
  }

  private static func dissent(_ run: String, _ step: Int, _ value: Double) -> JSON {
    [
      "run": .string(run), "step": .integer(Int64(step)), "dissent": .number(value), "total": 0.125,
      "attraction": 1.5, "repulsion": 1, "gradient": 1.25, "dissent_interval": nil,
    ]
  }

  /// - Parameter destructive: of the whole; of the two layers a tenth more and less.
  private static func gradients(_ step: Int, _ destructive: Double) -> JSON {
    func part(_ d: Double) -> JSON {
      [
        "D": .number(d), "D_null": 0.875, "C_g": 0.1, "C_ug": 0.05, "C_uG": 0.5, "C_dl": 0.9, "M_dl": 0.02,
      ]
    }
    return [
      "run": "14M", "step": .integer(Int64(step)), "model": part(destructive),
      "model_without_embeddings": part(destructive),
      "layers": [part(destructive - 0.1), part(destructive + 0.1)],
    ]
  }

  /// Before the break |dL| is .4, behind it .4 (1 - d) m.
  private static func decomposition(_ run: String, d: Double, m: Double) -> JSON {
    func pair(_ from: Int, _ d: Double, _ m: Double) -> JSON {
      [
        "from": .integer(Int64(from)), "to": .integer(Int64(2 * from)), "change": .number(-m * (1 - d)),
        "D": .number(d), "M": .number(m),
      ]
    }
    let (rate, log) = (Foundation.log((1 - d) * m / 0.4), Foundation.log(m / 0.4))
    return [
      "run": .string(run), "t_d": 4914.8, "pairs": [pair(1024, 0, 0.4), pair(8192, d, m)],
      "split": [
        "before": [1024], "after": [8192], "log_rate": .number(rate), "log_M": .number(log),
        "log_constructive": .number(rate - log), "share_D_interval": [0.5, 0.75],
      ],
    ]
  }

  private func inputs(_ bench: Workbench, d: Double, m: Double = 0.4) throws -> [String: [InputArtefact]] {
    func artefacts(_ results: [JSON]) throws -> [InputArtefact] {
      try results.enumerated().map { try bench.input($1.canonicalBytes, key: "\($0)") }
    }
    return [
      "fits": [try bench.fit("14M"), try bench.fit("144M")],
      "losses": try artefacts([
        Self.losses("14M", 1024, d: 0.1), Self.losses("14M", 8192, d: d), Self.losses("144M", 1024, d: 0.1),
        Self.losses("144M", 8192, d: d - 0.05),
      ]),
      "steps": try artefacts([Self.step("14M", 1024), Self.step("14M", 8192)]),
      "dissent": try artefacts([Self.dissent("14M", 1024, 0.25), Self.dissent("14M", 8192, 0.75)]),
      "gradients": try artefacts([Self.gradients(1024, 0.5), Self.gradients(8192, 0.75)]),
      "decompositions": try artefacts([Self.decomposition("14M", d: d, m: m)]),
    ]
  }

  @Test(arguments: [
    "interference", "plane", "decomposition", "step", "dissent", "gradients", "prediction", "layers",
  ])
  func `A figure is drawn with its data`(figure: String) async throws {
    let bench = try Workbench()
    let outputs = try await bench.run(
      ZeroSumFigureOperation(), inputs(bench, d: 0.6), ["figure": .string(figure)])
    let svg = try SVG(file: try #require(outputs["svg"]))
    #expect(svg["data-figure"] == figure)
    #expect(outputs["pdf"]?.starts(with: "%PDF".utf8) == true)
    let rows = String(decoding: try #require(outputs["data"]), as: UTF8.self).split(separator: "\n")
    #expect(rows.count > 3)
    let row: String? =
      switch figure {
      case "interference": "1,D,14M,8192,0.6,0.59,0.61"
      case "gradients": "1,D(∇),independent tokens,1024,0.875,,"
      case "prediction": "1,D,predicted,8192,0.1,,"
      case "dissent": "1,dissent,14M,8192,0.75,,"
      case "decomposition": "14M,natural logarithm,log M,1024,-0.916290731874,,"
      case "layers": "14M,8192,2,0.85"
      default: nil
      }
    #expect(row.map { rows.contains($0[...]) } ?? true, "\(rows)")
  }

  @Test func `Published points stand beside computed ones`() async throws {
    let bench = try Workbench()
    var inputs = try inputs(bench, d: 0.6)
    inputs["published"] = [
      try bench.input(
        Array("model,step,D,\n14M,1,0.25,\n14M,2,0.5,\n37M,1,0.75,\n".utf8), key: "dtt_D_eval.csv")
    ]
    let outputs = try await bench.run(ZeroSumFigureOperation(), inputs, ["figure": "interference"])
    let data = String(decoding: try #require(outputs["data"]), as: UTF8.self)
    #expect(data.contains("1,D,published,2,0.5,,\n") && data.contains("1,D,published,1,0.75,,\n"))
    for (name, text) in [("x.csv", "model,step,D\na,1,1\n"), ("D.csv", "model,step,D\na,0,1\n")] {
      inputs["published"] = [try bench.input(Array(text.utf8), key: name)]
      await #expect(throws: ReportError.self) {
        try await bench.run(ZeroSumFigureOperation(), inputs, ["figure": "interference"])
      }
    }
  }

  @Test func `Without results a message stands in place of a figure`() async throws {
    let bench = try Workbench()
    let outputs = try await bench.run(
      ZeroSumFigureOperation(), ["fits": [try bench.fit("14M")]], ["figure": "dissent"])
    #expect(try SVG(file: try #require(outputs["svg"]))["data-figure"] == SVG.empty)
  }

  private func text(d: Double, m: Double = 0.4) async throws -> String {
    let bench = try Workbench()
    var inputs = try inputs(bench, d: d, m: m)
    let comparison = try CurveComparison(
      ["14M", "144M"].map { try SampleRuns.analysis($0) }, sizes: ["14M": 14e6, "144M": 144e6])
    inputs["comparison"] = [try bench.input(comparison.json.canonicalBytes)]
    let page = try await bench.run(PageOperation(), inputs)
    let root = try XMLNode.parse(try #require(page["html"]))
    let anchors = Set(root.all("li").compactMap { $0.attributes["id"] })
    for link in root.all("a") {
      guard let target = link.attributes["href"], target.hasPrefix("#sha256-") else { continue }
      #expect(anchors.contains(String(target.dropFirst())))
    }
    let section = try #require(root.all("section").first { $0.attributes["id"] == "zero-sum" })
    return section.content.split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }

  @Test func `The report says what was found`() async throws {
    let text = try await text(d: 0.6, m: 0.3)
    #expect(text.contains("At the deceleration D rises: before it (t = 1024) the mean is 0"))
    #expect(text.contains("after it (t = 8192) 0.60"))
    #expect(text.contains("M goes from 0.40 to 0.30"))
    #expect(text.contains("shrinks to 0.30 of what it was"))
    #expect(text.contains("76 % (95 %: 50 % to 75 %) come from 1 − D and 24 % from M"))
    #expect(text.contains("most of it is cancellation"))
    #expect(text.contains("Larger models cancel less"))
    #expect(text.contains("0.60 for 14M, 0.55 for 144M"))
    #expect(text.contains("14M from 0.250 at step 1024 to 0.750 at step 8192, then total for 12 %"))
    #expect(text.contains("D = 0.400 ± 0.050 on the batch"))
    #expect(
      text.contains(
        "14M from 0.500 at step 1024 to 0.750 at step 8192, where independent tokens would give 0.875"))
  }

  @Test func `The report says so when the answer is no`() async throws {
    let text = try await text(d: 0.105, m: 0.1)
    #expect(text.contains("does not change by more than its 95 % intervals"))
    #expect(text.contains("most of it is not cancellation but smaller changes"))
    let growing = try await self.text(d: 0, m: 0.8)
    #expect(growing.contains("At the deceleration D falls"))
    #expect(growing.contains("does not shrink: it changes by a factor of 2.0"))
  }
}
