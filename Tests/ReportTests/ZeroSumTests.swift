import Actions
import Compute
import Foundation
import JSON
import Support
import System
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
    func spread(_ d: Double) -> JSON {
      [
        "D": ["mean": .number(d), "std": 0.05], "M": ["mean": 0.02, "std": 0.03],
        "abs_change": ["mean": 0.01, "std": 0.002],
      ]
    }
    return [
      "run": .string(run), "step": .integer(Int64(step)), "train": spread(0.4), "evaluation": spread(0.75),
    ]
  }

  private static func prediction(_ step: Int, _ correlation: Double?, missed: Double, ratio: Double) -> JSON {
    [
      "run": "14M", "step": .integer(Int64(step)),
      "predicted": ["D": 0.1, "M": 0.02, "change": .number(-0.012 * ratio)],
      "measured": ["D": 0.4, "M": 0.02, "change": -0.012],
      "correlation": correlation.map { .number($0) } ?? nil,
      "slope": 0.5, "missed": .number(missed),
      "bins": [
        ["predicted": -0.03, "measured": -0.02, "measured_10": -0.05, "measured_90": 0.01],
        ["predicted": 0.01, "measured": 0.005, "measured_10": -0.01, "measured_90": 0.02],
      ],
    ]
  }

  private static func dissent(_ run: String, _ step: Int, _ value: Double) -> JSON {
    [
      "run": .string(run), "step": .integer(Int64(step)), "dissent": .number(value), "total": 0.125,
      "total_from": 0.98,
      "attraction": 1.5, "repulsion": 1, "gradient": 1.25, "dissent_interval": nil,
    ]
  }

  /// - Parameter destructive: of the whole; of the two layers a tenth more and less.
  private static func gradients(_ step: Int, _ destructive: Double, run: String = "14M") -> JSON {
    func part(_ d: Double) -> JSON {
      [
        "D": .number(d), "D_null": 0.875, "C_g": 0.1, "C_ug": 0.05, "C_uG": 0.5,
      ]
    }
    return [
      "run": .string(run), "step": .integer(Int64(step)),
      "model_without_embeddings": part(destructive),
      "random_signs": ["draws": 10, "D": 0.625, "D_deviation": 0.03125],
      "layers": [part(destructive - 0.1), part(destructive + 0.1)],
    ]
  }

  /// - Parameter cosine: of two sequences, without embeddings; of a token half of that.
  private static func alignment(_ run: String, _ step: Int, _ cosine: Double) -> JSON {
    func block(_ name: String, _ cosine: Double) -> JSON {
      func mean(_ value: Double) -> JSON { ["mean": .number(value), "interval": [-1, 1]] }
      return [
        "name": .string(name), "tokens": 64, "sequence_pairs": mean(cosine), "sequence_mean": mean(cosine),
        "token_pairs": mean(cosine / 4), "token_pairs_within": nil, "token_mean": mean(cosine / 2),
        "diversity": 0.5, "noise_scale": nil,
      ]
    }
    return [
      "run": .string(run), "step": .integer(Int64(step)), "sequences": 8, "followed_tokens": 64, "tokens": 64,
      "blocks": [
        block("embedding", cosine / 8), block("layer.0.attention", cosine + 0.125),
        block("layer.0.feed_forward", cosine), block("output", cosine), block("model", cosine),
        block("model_without_embeddings", cosine),
      ],
    ]
  }

  /// Of a matrix of 8 x 16 in each of two layers, and of an embedding. Leading spaces of 2 dimensions overlap by 3/16 by chance.
  /// - Parameters:
  ///   - rank: effective; the stable one is half of it.
  ///   - overlap: of the weights; that of the change is 3/16.
  private static func spectra(_ run: String, _ step: Int, rank: Double, overlap: Double) -> JSON {
    func spectrum(_ rank: Double) -> JSON {
      [
        "norm": 2, "spectral_norm": 1, "stable_rank": .number(rank / 2), "effective_rank": .number(rank),
      ]
    }
    func matrix(_ name: String, _ layer: JSON, _ rank: Double) -> JSON {
      let sides: (JSON, JSON) = (
        ["left": .number(overlap), "right": .number(overlap)], ["left": 0.125, "right": 0.25]
      )
      return [
        "name": .string(name), "rows": 16, "columns": 8, "layer": layer, "leading": 2,
        "weights": spectrum(rank),
        "change": [
          "spectrum": spectrum(1), "relative": 0.5, "weights_overlap": sides.0, "change_overlap": sides.1,
        ],
      ]
    }
    return [
      "run": .string(run), "step": .integer(Int64(step)),
      "matrices": [
        matrix("model.embed_tokens.weight", nil, 3),
        matrix("model.layers.0.mlp.up_proj.weight", 0, rank - 0.5),
        matrix("model.layers.1.mlp.up_proj.weight", 1, rank + 0.5),
      ],
    ]
  }

  /// A difference over 64 sequences, with an interval of twice its error on each side.
  private static func resampled(_ value: Double, _ error: Double, missing: Int = 0) -> JSON {
    [
      "value": .number(value), "interval": [.number(value - 2 * error), .number(value + 2 * error)],
      "error": .number(error), "sequences": 64, "missing_resamples": .integer(Int64(missing)),
    ]
  }

  /// Before the break D is .1 and M .4, so that |dL| is .36; behind it |dL| is (1 - d) m.
  private static func decomposition(_ run: String, d: Double, m: Double) -> JSON {
    func pair(_ from: Int, _ d: Double, _ m: Double) -> JSON {
      [
        "from": .integer(Int64(from)), "to": .integer(Int64(2 * from)), "change": .number(-m * (1 - d)),
        "D": .number(d), "M": .number(m),
      ]
    }
    let (rate, log) = (Foundation.log((1 - d) * m / 0.36), Foundation.log(m / 0.4))
    return [
      "run": .string(run), "t_d": 4914.8, "first_step": 100,
      "pairs": [pair(1024, 0.1, 0.4), pair(8192, d, m)],
      "split": [
        "before": [1024], "after": [8192], "log_rate": .number(rate), "log_M": .number(log),
        "log_constructive": .number(rate - log), "share_D_interval": [0.5, 0.75], "across": 4096,
        "log_rate_resampled": resampled(rate, 0.1), "D_change": resampled(d - 0.1, 0.005),
        "share_D_by_window": [0.7, 0.8], "resamples": 200, "resamples_without_share": 0,
      ],
    ]
  }

  static func inputs(_ bench: Workbench, d: Double, m: Double = 0.4) throws -> [String: [InputArtefact]] {
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
      "alignments": try artefacts([Self.alignment("14M", 1024, 0.5), Self.alignment("14M", 8192, 0.25)]),
      "spectra": try artefacts([
        Self.spectra("14M", 1024, rank: 6, overlap: 0.5), Self.spectra("14M", 8192, rank: 4, overlap: 0.25),
      ]),
      "predictions": try artefacts([
        Self.prediction(1024, 0.95, missed: 0.25, ratio: 1),
        Self.prediction(8192, 0.625, missed: 0.75, ratio: 1.25),
        Self.prediction(16384, 0.25, missed: 1.5, ratio: 1.5),
      ]),
      "decompositions": try artefacts([Self.decomposition("14M", d: d, m: m)]),
    ]
  }

  @Test(arguments: [
    "interference", "plane", "decomposition", "step", "dissent", "gradients", "prediction", "tokens",
    "layers", "alignment", "spectra", "changes",
  ])
  func `A figure is drawn with its data`(figure: String) async throws {
    let bench = try Workbench()
    let outputs = try await bench.run(
      ZeroSumFigureOperation(), Self.inputs(bench, d: 0.6), ["figure": .string(figure)])
    let svg = try SVG(file: try #require(outputs["svg"]))
    #expect(svg["data-figure"] == figure)
    #expect(outputs["pdf"]?.starts(with: "%PDF".utf8) == true)
    let rows = String(decoding: try #require(outputs["data"]), as: UTF8.self).split(separator: "\n")
    #expect(rows.count > 3)
    let row: String? =
      switch figure {
      case "interference": "1,D,14M,8192,0.6,0.59,0.61"
      case "gradients": "1,D(∇),random signs,1024,0.875,,"
      case "prediction": "4,correlation,14M,8192,0.625,,"
      case "tokens": "\"14M, t = 8192\",measured change (nats),mean,0.01,0.005,-0.01,0.02"
      case "dissent": "1,dissent,14M,8192,0.75,,"
      case "decomposition": "14M,natural logarithm,log M,1024,-0.916290731874,,"
      case "layers": "14M,8192,2,0.85"
      case "spectra": "14M,effective rank,mlp.up_proj,8192,4,,"
      case "changes": "14M,size of the change,embed_tokens,1024,0.5,,"
      case "alignment": "14M,\"cos, token with the others\",\"layer 1, attention\",8192,0.1875,,"
      default: nil
      }
    #expect(row.map { rows.contains($0[...]) } ?? true, "\(rows)")
  }

  @Test func `The data have the intervals of each series, also where the drawing has none or cuts them`()
    async throws
  {
    let bench = try Workbench()
    let outputs = try await bench.run(
      ZeroSumFigureOperation(), Self.inputs(bench, d: 0.6), ["figure": "step"])
    let data = String(decoding: try #require(outputs["data"]), as: UTF8.self)
    for row in [
      "1,D,\"14M, on its batch\",8192,0.4,0.35,0.45",
      "1,D,\"14M, on the evaluation stream\",8192,0.75,0.7,0.8",
      "2,M (nats/token),\"14M, on its batch\",8192,0.02,-0.01,0.05",
    ] {
      #expect(data.contains("\(row)\n"), "\(data)")
    }
  }

  @Test func `Published points stand beside computed ones`() async throws {
    let bench = try Workbench()
    var inputs = try Self.inputs(bench, d: 0.6)
    inputs["published"] = [
      try bench.input(
        Array("model,step,D,\n14M,1,0.25,\n14M,2,0.5,\n37M,1,0.75,\n".utf8), key: "dtt_D_eval.csv")
    ]
    let outputs = try await bench.run(ZeroSumFigureOperation(), inputs, ["figure": "interference"])
    let data = String(decoding: try #require(outputs["data"]), as: UTF8.self)
    #expect(data.contains("1,D,published,2,0.5,,\n") && data.contains("1,D,published,1,0.75,,\n"))
    for (name, text) in [("x.csv", "model,step,D\na,1,1\n"), ("D.csv", "model,step,D\na,0,1\n")] {
      inputs["published"] = [try bench.input(Array(text.utf8), key: name)]
      await #expect(throws: Failure.self) {
        try await bench.run(ZeroSumFigureOperation(), inputs, ["figure": "interference"])
      }
    }
  }

  @Test func `An interval that is reversed is refused`() async throws {
    let bench = try Workbench()
    var reversed = try #require(Self.losses("14M", 8192, d: 0.6).object)
    reversed["D_interval"] = [0.7, 0.5]
    var inputs = try Self.inputs(bench, d: 0.6)
    inputs["losses"] = [try bench.input(JSON.object(reversed).canonicalBytes)]
    await #expect(throws: Failure.self) {
      try await bench.run(ZeroSumFigureOperation(), inputs, ["figure": "interference"])
    }
  }

  @Test(arguments: [(4096, true), (2048, false), (8192, false)])
  func `The ring is drawn on the pair that the deceleration step lies in`(from: Int, isDrawn: Bool)
    async throws
  {
    let bench = try Workbench()
    var inputs = try Self.inputs(bench, d: 0.6)
    inputs["losses"] = [try bench.input(Self.losses("14M", from, d: 0.6).canonicalBytes)]
    let outputs = try await bench.run(ZeroSumFigureOperation(), inputs, ["figure": "plane"])
    let data = String(decoding: try #require(outputs["data"]), as: UTF8.self)
    #expect(data.contains("at the deceleration step") == isDrawn)
  }

  @Test
  func
    `A share of what is not found to change has no interval in the table, and counts for means over seeds`()
    async throws
  {
    let bench = try Workbench()
    let operation = TablesOperation()
    let names = operation.inputs.map(\.name)
    func share(_ d: Double) async throws -> [String] {
      let inputs = try Self.inputs(bench, d: d).filter { names.contains($0.key) }
      let findings = try #require(try await bench.run(operation, inputs)["findings"])
      let rows = String(decoding: findings, as: UTF8.self).split(separator: "\n").map {
        $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      }
      return try #require(rows.first { $0.starts(with: ["run", "14M", "share_D"]) })
    }
    let (uncertain, certain) = (try await share(0.15), try await share(0.6))
    #expect(Double(uncertain[4]) != nil && uncertain[5...6] == ["", ""], "\(uncertain)")
    #expect(Double(certain[5]) != nil && Double(certain[6]) != nil, "\(certain)")
  }

  @Test func `A second file of published points of one quantity is refused`() async throws {
    let bench = try Workbench()
    var inputs = try Self.inputs(bench, d: 0.6)
    inputs["published"] = try ["a_D_x.csv", "b_D_x.csv"].map { name in
      try bench.input(Array("model,step,D\n14M,1,0.25\n".utf8), key: name)
    }
    let given = inputs
    let failure = await #expect(throws: Failure.self) {
      try await bench.run(ZeroSumFigureOperation(), given, ["figure": "interference"])
    }
    #expect(failure?.headline == "the published points 'a_D_x.csv' and 'b_D_x.csv' are both of D")
  }

  @Test func `Sizes are compared over pairs that end at the same step`() async throws {
    let bench = try Workbench()
    var inputs = try seeded([0.5, 0.51], [0.8, 0.81], bench)
    func section(_ change: (inout [String: JSON], Int) -> Void) async throws -> String {
      inputs["losses"] = try ["14M seed 1", "14M seed 2", "144M seed 1", "144M seed 2"].enumerated().map {
        var result = try #require(Self.losses($1, 8192, d: 0.5).object)
        change(&result, $0)
        return try bench.input(JSON.object(result).canonicalBytes, key: $1)
      }
      let root = try XMLNode.parse(try #require(await bench.run(PageOperation(), inputs)["html"]))
      return try #require(root.all("section").first { $0.attributes["id"] == "zero-sum" }).content
        .split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
    let other = try await section { result, _ in result["to"] = 24576 }
    #expect(other.contains("to 24"), "\(other)")
    let mixed = try await section { result, index in result["to"] = index < 2 ? 16384 : 24576 }
    #expect(!mixed.contains("the last pair that all sizes have"))
  }

  @Test func `Without results a message stands in place of a figure`() async throws {
    let bench = try Workbench()
    let outputs = try await bench.run(
      ZeroSumFigureOperation(), ["fits": [try bench.fit("14M")]], ["figure": "dissent"])
    #expect(try SVG(file: try #require(outputs["svg"]))["data-figure"] == SVG.empty)
  }

  private func text(d: Double, m: Double = 0.4) async throws -> String {
    let bench = try Workbench()
    return try await text(Self.inputs(bench, d: d, m: m), bench)
  }

  private func text(_ inputs: [String: [InputArtefact]], _ bench: Workbench) async throws -> String {
    var inputs = inputs
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

  @Test(arguments: [
    (0.56, 0.03125, "less than by chance"), (0.565, 0.03125, "no difference to chance is seen"),
    (0.685, 0.03125, "no difference to chance is seen"), (0.69, 0.03125, "more than by chance"),
    (0.75, 0.066, "no difference to chance is seen"),
  ])
  func `Whether tokens cancel by chance alone is told by the spread of random signs, of one comparison`(
    destructive: Double, deviation: Double, words: String
  ) async throws {
    let bench = try Workbench()
    var result = try #require(Self.gradients(1024, destructive).object)
    // Student's 5 % point for 9 degrees of freedom is 2.262; of a new draw the deviation is sqrt(1.1) times as large.
    result["random_signs"] = ["draws": 10, "D": 0.625, "D_deviation": .number(deviation * 0.8125)]
    var inputs = try Self.inputs(bench, d: 0.6)
    inputs["gradients"] = [try bench.input(JSON.object(result).canonicalBytes, key: "0")]
    let page = try await bench.run(PageOperation(), inputs)
    let text = try XMLNode.parse(try #require(page["html"])).all("li").map(\.content).joined()
    #expect(text.contains("deviation of 10 draws): \(words)."), "\(text)")
  }

  @Test func `The report says what was found`() async throws {
    let text = try await text(d: 0.6, m: 0.3)
    #expect(
      text.contains(
        "At the deceleration D rises by 0.5000 (95 %: 0.4900 to 0.5100): before it (t = 1024) the mean is 0.10,"
      ))
    #expect(text.contains("after it (t = 8192) 0.60"))
    #expect(text.contains("M goes from 0.40 to 0.30"))
    #expect(text.contains("shrinks to 0.33 of what it was (95 %: 0.27 to 0.41)"))
    #expect(text.contains("each of 2 tests at a level of 5 % / 2, so that these together err in at most 5 %"))
    #expect(
      text.contains(
        "74 % (95 %, over sequences and the step, of this training: 50 % to 75 %) come from 1 − D and 26 % from M"
      ))
    #expect(text.contains("With 1 to 2 pairs on each side it is between 70 % and 80 %."))
    #expect(text.contains("The pair from t = 4096 spans that step and is on neither side."))
    #expect(text.contains("Whether sizes differ in how far changes cancel cannot be told from one seed each"))
    #expect(text.contains("0.600 for 14M, 0.550 for 144M"))
    #expect(
      text.contains("14M from 0.250 at step 1024 to 0.750 at step 8192, then total (from 0.98 on) for 12 %"))
    #expect(text.contains("D = 0.400 ± 0.050 on the batch"))
    #expect(
      text.contains(
        "14M: 0.500 at step 1024, where random signs give 0.625 ± 0.031 (mean and deviation of 10 draws): less than by chance; "
          + "0.750 at step 8192, where random signs give 0.625 ± 0.031 (mean and deviation of 10 draws): more than by chance."
      ))
    #expect(text.contains("with 2 such comparisons, each at a level of 5 % / 2"))
    #expect(
      text.contains(
        "Before the deceleration (t = 1024) single tokens are predicted with a correlation of 0.950, missing 25 %; "
          + "after it (t = 8192, 16 384) with a correlation of 0.250 to 0.625, missing "
          + "75 % to 150 %."))
    #expect(
      text.contains(
        "predicted 1.00 times as large as it is before, and 1.25 to 1.50 times after: that is more at every checkpoint"
      ))
  }

  @Test(arguments: [
    (
      [0.5, 0.5, 0.5], [0.25, 0.26, 0.24],
      "0.5000 at step 1024 to 0.250 ± 0.010 at step 8192 (falls; at the end more than by chance)"
    ),
    (
      [0.5, 0.1, 0.4], [0.25, 0.5, 0.3],
      "at step 8192 (no change is seen over training; at the end no difference to chance is seen)"
    ),
    (
      [0.1, 0.1, 0.1], [0.25, 0.25, 0.25],
      "0.1000 at step 1024 to 0.2500 at step 8192 (rises; at the end more than by chance)"
    ),
    (
      [0.1], [0.25], "to 0.12 at step 8192. What another training would give cannot be told from one."
    ),
  ])
  func `Whether gradients come to point the same way is told by seeds`(
    first: [Double], last: [Double], words: String
  ) async throws {
    let bench = try Workbench()
    var inputs = try Self.inputs(bench, d: 0.6)
    inputs["fits"] = try first.indices.map { seed in
      try bench.input(
        SampleRuns.analysis("14M seed \(seed)", group: "14M").json.canonicalBytes, key: "\(seed)")
    }
    inputs["alignments"] = try first.indices.flatMap { seed in
      try [(1024, first[seed]), (8192, last[seed])].map { step, cosine in
        try bench.input(
          Self.alignment("14M seed \(seed)", step, cosine).canonicalBytes, key: "\(seed),\(step)")
      }
    }
    let page = try await bench.run(PageOperation(), inputs)
    let root = try XMLNode.parse(try #require(page["html"]))
    let text = try #require(root.all("section").first { $0.attributes["id"] == "layers" }).content
      .split(whereSeparator: \.isWhitespace).joined(separator: " ")
    #expect(text.contains(words), "\(text)")
    #expect(text.contains("each of 4 at a level of 5 % / 4") == (first.count > 1))
    let mean = last.reduce(0, +) / Double(last.count)
    if mean == 0.25 { #expect(text.contains("lie between 0.031 (embedding) and 0.38 (layer 1, attention)")) }
  }

  @Test(arguments: [
    (
      [0.5, 0.5, 0.5], [0.7, 0.71, 0.72], "it rises for 14M, by 0.210 (0.185 to 0.235)",
      "14M cancels more than by chance, by 0.085 (0.060 to 0.110)"
    ),
    (
      [0.7, 0.7, 0.7], [0.5, 0.51, 0.52], "it falls for 14M, by 0.190 (0.165 to 0.215)",
      "14M cancels less than by chance, by 0.115 (0.090 to 0.140)"
    ),
    (
      [0.6, 0.6, 0.6], [0.5, 0.62, 0.74],
      "it is not found to rise or fall for 14M (0.02 (−0.28 to 0.32))",
      "14M is not found to differ from chance (−0.01 (−0.30 to 0.29))"
    ),
  ])
  func `What changes in dissent and differs from chance in gradients is told by seeds`(
    first: [Double], last: [Double], dissent: String, gradients: String
  ) async throws {
    let bench = try Workbench()
    var inputs = try Self.inputs(bench, d: 0.6)
    func each(_ json: (String, Int, Double) -> JSON) throws -> [InputArtefact] {
      try first.indices.flatMap { seed in
        try [(1024, first[seed]), (8192, last[seed])].map { step, value in
          try bench.input(json("14M seed \(seed)", step, value).canonicalBytes, key: "\(seed),\(step)")
        }
      }
    }
    inputs["fits"] = try first.indices.map { seed in
      try bench.input(
        SampleRuns.analysis("14M seed \(seed)", group: "14M").json.canonicalBytes, key: "\(seed)")
    }
    inputs["dissent"] = try each { Self.dissent($0, $1, $2) }
    inputs["gradients"] = try each { Self.gradients($1, $2, run: $0) }
    let text = try await text(inputs, bench)
    #expect(
      text.contains(
        "From the first checkpoint to the last and in the mean over seeds, \(dissent) (mean and 95 % interval over 3 seeds; "
          + "Student’s t, at 5 %)."), "\(text)")
    #expect(
      text.contains(
        "At the last checkpoint and in the mean over seeds: \(gradients) (mean and 95 % interval"),
      "\(text)")
  }

  @Test func `What spectra of weights say over training is told by seeds`() async throws {
    let bench = try Workbench()
    func text(_ last: [(rank: Double, overlap: Double)]) async throws -> String {
      var inputs = try Self.inputs(bench, d: 0.6)
      inputs["fits"] = try last.indices.map { seed in
        try bench.input(
          SampleRuns.analysis("14M seed \(seed)", group: "14M").json.canonicalBytes, key: "\(seed)")
      }
      inputs["spectra"] = try last.enumerated().flatMap { seed, last in
        try [(1024, 6, 1), (8192, last.rank, last.overlap)].map { step, rank, overlap in
          try bench.input(
            Self.spectra("14M seed \(seed)", step, rank: rank, overlap: overlap).canonicalBytes,
            key: "\(seed),\(step)")
        }
      }
      let root = try XMLNode.parse(try #require(await bench.run(PageOperation(), inputs)["html"]))
      return try #require(root.all("section").first { $0.attributes["id"] == "layers" }).content
        .split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
    let found = try await text([(4, 0.5), (4.01, 0.51), (3.99, 0.49)])
    #expect(
      found.contains("the effective rank goes from 6.000 at step 1024 to 4.000 ± 0.010 at step 8192 (falls)"))
    #expect(
      found.contains("the stable rank goes from 3.000 at step 1024 to 2.0000 ± 0.0050 at step 8192 (falls)"))
    #expect(
      found.contains(
        "at step 8192 the change since the initial checkpoint is, in parts of the weights there, 0.5000;"))
    #expect(
      found.contains(
        "by 0.385 ± 0.012 (more than by chance); those of the change by 0 (no difference to chance"))
    #expect(found.contains("each of 4 at a level of 5 % / 4"))
    #expect(found.contains("leading singular spaces, of 2 dimensions each, is 0 where"))
    let unclear = try await text([(4, 0.5), (7, 0.2), (6, 0.1)])
    #expect(unclear.contains("at step 8192 (no change is seen over training)"))
    #expect(unclear.contains("± 0.26 (no difference to chance is seen)"))
    let one = try await text([(4, 0.5)])
    #expect(one.contains("from 6.00 at step 1024 to 4.00 at step 8192; "))
    #expect(
      one.contains("What another training would give cannot be told from one.") && !one.contains("(falls)"))
  }

  /// Of one checkpoint before the deceleration, and two after it.
  @Test(arguments: [
    ([1, 1.5, 0.75], "before, and 0.75 to 1.50 times after: the two ranges overlap."),
    ([1, 0.5, -0.5], "before, and −0.50 to 0.50 times after: that is less at every checkpoint than before"),
  ])
  func `The report compares the predicted mean change of both sides`(ratios: [Double], words: String)
    async throws
  {
    let bench = try Workbench()
    var inputs = try Self.inputs(bench, d: 0.6)
    inputs["predictions"] = try zip([1024, 8192, 16384], ratios).map { step, ratio in
      try bench.input(Self.prediction(step, 0.75, missed: 0.5, ratio: ratio).canonicalBytes, key: "\(step)")
    }
    let text = try await text(inputs, bench)
    #expect(text.contains("single tokens are predicted with a correlation of 0.750, missing 50 %"))
    #expect(text.contains(words))
  }

  @Test func `Predictions of one side are reported as they are`() async throws {
    let bench = try Workbench()
    var inputs = try Self.inputs(bench, d: 0.6)
    inputs["predictions"] = [
      try bench.input(Self.prediction(1024, 0.25, missed: 1.5, ratio: 1.25).canonicalBytes)
    ]
    #expect(
      try await text(inputs, bench).contains(
        "Single tokens are predicted with a correlation of 0.250, missing 150 %; the change "
          + "of the mean loss is predicted 1.25 times as large as it is."))
  }

  @Test func `Predictions that say nothing are left out`() async throws {
    let bench = try Workbench()
    var inputs = try Self.inputs(bench, d: 0.6)
    inputs["predictions"] = [
      try bench.input(Self.prediction(1024, nil, missed: 0.5, ratio: 1).canonicalBytes)
    ]
    #expect(try await !text(inputs, bench).contains("predicted"))
  }

  /// Two sizes with seeds whose D after 8192 updates, and whose part of 1 - D, are as given.
  private func seeds(
    _ small: [Double], _ large: [Double], withoutDecomposition lost: Int? = nil
  ) async throws -> (page: String, zeroSum: String) {
    let bench = try Workbench()
    var inputs = try seeded(small, large, bench)
    if let lost { inputs["decompositions"]?.remove(at: lost) }
    let root = try XMLNode.parse(try #require(await bench.run(PageOperation(), inputs)["html"]))
    func section(_ id: String) throws -> String {
      try #require(root.all("section").first { $0.attributes["id"] == id }).content
        .split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
    return (try section("seeds"), try section("zero-sum"))
  }

  private func seeded(
    _ small: [Double], _ large: [Double], _ bench: Workbench
  ) throws -> [String: [InputArtefact]] {
    var inputs: [String: [InputArtefact]] = ["fits": [], "losses": [], "decompositions": []]
    var analyses: [CurveAnalysis] = []
    for (group, values) in [("14M", small), ("144M", large)] {
      for (seed, d) in values.enumerated() {
        let run = "\(group) seed \(seed + 1)"
        let analysis = try SampleRuns.analysis(run, group: group)
        analyses.append(analysis)
        inputs["fits"]?.append(try bench.input(analysis.json.canonicalBytes, key: run))
        inputs["losses"]?.append(try bench.input(Self.losses(run, 8192, d: d).canonicalBytes, key: run))
        inputs["decompositions"]?.append(
          try bench.input(Self.decomposition(run, d: d, m: 0.2).canonicalBytes, key: run))
      }
    }
    let sizes = Dictionary(
      uniqueKeysWithValues: analyses.map { ($0.curve.run, $0.curve.group == "14M" ? 14e6 : 144e6) })
    inputs["comparison"] = [
      try bench.input(try CurveComparison(analyses, sizes: sizes).json.canonicalBytes)
    ]
    return inputs
  }

  @Test func `What holds of a model is told from its seeds`() async throws {
    let (page, zeroSum) = try await seeds([0.5, 0.51, 0.52], [0.8])
    #expect(page.contains("Of 144M there is one seed"))
    // t = 4.3027, mean .51, deviation .01: .51 +- .0248 and +- .0497.
    #expect(page.contains("0.510 ± 0.0100.485 to 0.5350.460 to 0.560"), "\(page)")
    #expect(
      zeroSum.contains("14M, over 3 seeds: the mean change of the logarithm of the progress is"), "\(zeroSum)"
    )
    #expect(zeroSum.contains(": the progress shrinks. The part of 1 − D is, over 3 seeds,"))
    #expect(zeroSum.contains("each of 2 at a level of 5 % / 2"))
    #expect(!zeroSum.contains("144M, over"))
    #expect(zeroSum.contains("Larger models cancel more (Student's t over seeds with 2 degrees of freedom"))
    #expect(zeroSum.contains("0.510 ± 0.010 for 14M (mean ± deviation of 3 seeds), 0.800 for 144M"))
  }

  @Test func `Seeds that have no value are told of where the others are pooled`() async throws {
    let all = try await seeds([0.5, 0.51, 0.52, 0.53], [0.8])
    #expect(!all.page.contains("Where fewer seeds are counted") && !all.zeroSum.contains("no such part"))
    let some = try await seeds([0.5, 0.51, 0.52, 0.53], [0.8], withoutDecomposition: 3)
    #expect(some.page.contains("Where fewer seeds are counted than there are, the others have no such value"))
    #expect(some.zeroSum.contains("14M, over 3 seeds: the mean change"))
    #expect(some.zeroSum.contains("Of 1 more of its 4 seeds there is no such part"), "\(some.zeroSum)")
  }

  @Test func `A step that was chosen is not told of as a deceleration`() async throws {
    let bench = try Workbench()
    var inputs = try seeded([0.5, 0.51, 0.52], [0.8], bench)
    func choose(_ seeds: ClosedRange<Int>) throws {
      for seed in seeds {
        var chosen = try #require(Self.decomposition("14M seed \(seed)", d: 0.5, m: 0.2).object)
        chosen["t_d"] = .null
        chosen["chosen_step"] = 4096
        inputs["decompositions"]?[seed - 1] = try bench.input(
          JSON.object(chosen).canonicalBytes, key: "14M seed \(seed)")
      }
    }
    func zeroSum() async throws -> String {
      let root = try XMLNode.parse(try #require(await bench.run(PageOperation(), inputs)["html"]))
      return try #require(root.all("section").first { $0.attributes["id"] == "zero-sum" }).content
        .split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
    func title() async throws -> String {
      inputs["comparison"] = nil
      let figure = try await bench.run(ZeroSumFigureOperation(), inputs, ["figure": "decomposition"])
      return try SVG(file: try #require(figure["svg"])).title
    }
    try choose(1...1)
    let mixed = try await zeroSum()
    #expect(
      mixed.contains(
        "14M, over 3 seeds, 2 of which at the deceleration and 1 at the chosen step 4096: the mean change"))
    #expect(mixed.contains("at step 4096, which was chosen and not found, D rises"))
    #expect(mixed.contains("(95 %, over sequences, of this training: 50 % to 75 %)"))
    #expect(mixed.contains("(95 %, over sequences and the step, of this training: 50 % to 75 %)"))
    #expect(try await title() == "What the deceleration is made of")
    try choose(1...3)
    inputs["decompositions"]?.removeLast()
    #expect(try await title() == "What the fall of progress is made of")
    #expect(try await zeroSum().contains("14M, over 3 seeds, at the chosen step 4096: the mean"))
  }

  @Test func `Captions and texts tell of rings and deviations only where there are some`() async throws {
    let bench = try Workbench()
    func caption(_ verdict: Verdict) async throws -> String {
      var inputs = try Self.inputs(bench, d: 0.6)
      inputs["fits"] = try ["14M", "144M"].map {
        try bench.input(SampleRuns.analysis($0, verdict: verdict).json.canonicalBytes, key: $0)
      }
      inputs["losses"]?.append(try bench.input(Self.losses("14M", 4096, d: 0.4).canonicalBytes, key: "ring"))
      let svg = try await bench.run(ZeroSumFigureOperation(), inputs, ["figure": "plane"])["svg"]
      return try SVG(file: try #require(svg)).caption
    }
    #expect(try await caption(.deceleration).contains("Ring: the pair"))
    #expect(try await !caption(.noBreak).contains("Ring: the pair"))

    var inputs = try Self.inputs(bench, d: 0.6)
    #expect(
      try await text(inputs, bench).contains("Over a single update (± one deviation over batches): 14M"))
    var single = try #require(Self.step("14M", 8192).object)
    for part in ["train", "evaluation"] {
      var spread = try #require(single[part]?.object)
      spread["D"] = ["mean": 0.4, "std": 0]
      single[part] = .object(spread)
    }
    inputs["steps"] = [try bench.input(JSON.object(single).canonicalBytes)]
    #expect(try await text(inputs, bench).contains("Over a single update: 14M"))
  }

  @Test func `Windows without a share count among the windows`() async throws {
    let bench = try Workbench()
    var decomposition = try #require(Self.decomposition("14M", d: 0.6, m: 0.3).object)
    var split = try #require(decomposition["split"]?.object)
    split["share_D_by_window"] = [0.7, nil, 0.8]
    decomposition["split"] = .object(split)
    var inputs = try Self.inputs(bench, d: 0.6)
    inputs["decompositions"] = [try bench.input(JSON.object(decomposition).canonicalBytes)]
    let text = try await text(inputs, bench)
    #expect(
      text.contains("With 1 to 3 pairs on each side it is between 70 % and 80 %, where the progress shrinks.")
    )
    #expect(text.contains("losses between two checkpoints, D says how far they cancel"))
  }

  @Test func `Every finding stands in a table with its unit, its interval and what says so`() async throws {
    let bench = try Workbench()
    var inputs = try seeded([0.5, 0.51, 0.52], [0.8], bench)
    inputs["comparison"] = nil
    let outputs = try await bench.run(TablesOperation(), inputs)
    let rows = String(decoding: try #require(outputs["findings"]), as: UTF8.self).split(separator: "\n").map {
      $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
    let json = try JSON(parsing: try #require(outputs["findings-json"]))
    #expect(json["findings"]?.array?.count == rows.count - 1)
    func row(_ start: String...) throws -> [String] {
      try #require(rows.first { $0.starts(with: start) })
    }
    #expect(
      try row("run", "14M seed 2", "L_d")[3] == "nats/token"
        && row("run", "14M seed 2", "t_d")[3...6] == ["step", "4914.768840299134", "4447.06", "5431.66"])
    #expect(try row("run", "144M seed 1", "share_D")[5...7] == ["0.5", "0.75", "this run"])
    let mean = try row("seeds", "14M", "D_last_pair")
    #expect(mean[7] == "mean over seeds" && mean[8] == "3")
    let (value, lower) = (try #require(Double(mean[4])), try #require(Double(mean[5])))
    #expect(abs(value - 0.51) < 1e-12 && abs(lower - 0.485159) < 1e-5)
    let artefacts = mean[9].split(separator: " ")
    #expect(artefacts.count == 3 && artefacts.allSatisfy { $0.hasPrefix("sha256:") })
    #expect(!rows.contains { $0.starts(with: ["seeds", "144M"]) })
  }

  @Test func `Verdicts, breaks and tests stand in the table of findings`() async throws {
    let bench = try Workbench()
    var inputs = try seeded([0.5, 0.51, 0.52], [0.8], bench)
    let broken = try SampleRuns.analysis("alone", hasTwoBreaks: true, cutStep: 4000.5)
    inputs["fits"]?.append(try bench.input(broken.json.canonicalBytes, key: "alone"))
    let unsure = try SampleRuns.analysis("unsure", hasTwoBreaks: true, hasBreakIntervals: false)
    inputs["fits"]?.append(try bench.input(unsure.json.canonicalBytes, key: "unsure"))
    let outputs = try await bench.run(TablesOperation(), inputs)
    let json = try JSON(parsing: try #require(outputs["findings-json"]))
    func row(_ scope: String, _ name: String, _ quantity: String) throws -> JSON {
      try #require(
        json["findings"]?.array?.first {
          $0["scope"] == .string(scope) && $0["name"] == .string(name) && $0["quantity"] == .string(quantity)
        }, "\(quantity)")
    }
    #expect(try row("run", "alone", "verdict")["says"] == "deceleration")
    #expect(try row("run", "alone", "supported_law")["says"] == "two breaks")
    let margin = try row("run", "alone", "break_margin")
    #expect(margin["value"]?.double == 31.5 && margin["unit"] == "2 log odds")
    #expect(margin["test"]?["error_rate"]?.double == 0.05)
    #expect(try row("run", "alone", "two_breaks_margin")["value"]?.double == 20.5)
    let oneBreak = try row("run", "alone", "one_break_margin")
    #expect(
      oneBreak["value"]?.double == 11
        && oneBreak["says"] == "of the one-break fit, of which t_d is, over power law with limit")
    let place = try row("run", "alone", "break_2")
    #expect(place["value"]?.double == 2384.25 && place["says"] == "of two breaks")
    #expect(place["interval"]?["lower"]?.double == 2000.5 && place["interval"]?["upper"]?.double == 3000.75)
    let rate = try row("run", "alone", "exponent_3")
    #expect(rate["value"]?.double == 0.0125 && rate["interval"]?["upper"]?.double == 0.015)
    #expect(
      try row("run", "unsure", "break_1")["says"]
        == "of two breaks; no interval is known: in 21 of 200 resamples the law has no such breaks")
    #expect(
      try row("run", "alone", "t_d")["says"]
        == "is a summary of changes of slope at 1181 (95 %: 1100 to 1300) and 2384 (95 %: 2000 to 3000), and moves from 4000 to 4914 with the cut of the transient"
    )
    #expect(
      try row("run", "alone", "t_d_by_cut")["says"]
        == "fitted to steps above 300; outside the 95 % interval of t_d")

    let change = try row("run", "14M seed 1", "D_change")
    #expect(change["says"] == "above 0" && change["test"]?["comparisons"]?.double == 8)
    #expect(change["test"]?["p"]?.double.map { $0 < 0.05 / 8 } == true)
    let shrinks = try row("seeds", "14M", "log_progress_change")
    #expect(shrinks["says"] == "below 0" && shrinks["test"]?["comparisons"]?.double == 2)
    #expect(try row("seeds", "14M", "share_D_above_half")["test"]?["p"]?.double != nil)
    let sizes = try row("sizes", "14M and 144M", "D_difference_of_sizes")
    #expect(sizes["says"] == "above 0" && sizes["test"]?["comparisons"]?.double == 1)

    let csv = String(decoding: try #require(outputs["findings"]), as: UTF8.self)
    #expect(csv.contains("run,alone,verdict,,,,,,1,"))
    #expect(csv.contains(",Student's t over seeds,"))
  }

  @Test func `A step that was chosen stands with each share that is of it`() async throws {
    let bench = try Workbench()
    var inputs = try seeded([0.5, 0.51], [0.8], bench)
    var chosen = try #require(Self.decomposition("14M seed 1", d: 0.5, m: 0.2).object)
    chosen["t_d"] = .null
    chosen["chosen_step"] = 4096
    inputs["decompositions"]?[0] = try bench.input(JSON.object(chosen).canonicalBytes, key: "14M seed 1")
    let page = try XMLNode.parse(try #require(await bench.run(PageOperation(), inputs)["html"]))
    let seeds = try #require(page.all("section").first { $0.attributes["id"] == "seeds" }).content
    let note = "at step 4096, which was chosen, and not found: no interval counts that choice"
    #expect(seeds.contains(note), "\(seeds)")
    let tables = try await bench.run(TablesOperation(), inputs)
    let rows = String(decoding: try #require(tables["findings"]), as: UTF8.self).split(separator: "\n")
    for start in ["run,14M seed 1,share_D,", "seeds,14M,share_D,"] {
      let row = try #require(rows.first { $0.hasPrefix(start) })
      #expect(row.contains(note), "\(row)")
    }
    #expect(rows.first { $0.hasPrefix("run,14M seed 2,share_D,") }?.contains(note) == false)
  }

  @Test func `Every line of equal progress in the plane has its level`() async throws {
    let bench = try Workbench()
    let runs = [try SampleRuns.run("14M")]
    let results = try [(0.02, 1.0), (0.1, 0.05), (0.97, 0.02)].enumerated().map { index, point in
      try bench.input(
        Self.losses("14M", 1024 << index, d: point.0, m: point.1).canonicalBytes, key: "\(index)")
    }
    let context = OperationContext(
      operation: TablesOperation(),
      parameters: try ParameterValues([:], declarations: TablesOperation().parameters),
      inputs: ["losses": results], folder: bench.folder.path)
    let figures = AnalysisFigures(
      runs: runs, results: try AnalysisResults(context), published: try PublishedPoints(context), width: 720)
    let panel = try #require(figures.plane.panels.first)
    let lines = panel.series.filter { $0.name == "equal |ΔL|" }
    #expect(lines.count == panel.notes.count && lines.count > 3)
    for (line, note) in zip(lines, panel.notes) {
      let level = try #require(Double(note.text))
      let row = try #require(line.rows.last)
      #expect(abs(row[1] * (1 - row[0]) / level - 1) < 1e-9)
    }
  }

  @Test func `Seeds are pooled at the last checkpoint that all of them have`() async throws {
    let bench = try Workbench()
    var inputs = try seeded([0.5, 0.51], [0.8], bench)
    inputs["comparison"] = nil
    func each(_ json: (String, Int, Double) -> JSON) throws -> [InputArtefact] {
      try [("14M seed 1", 1024, 0.5), ("14M seed 1", 8192, 0.75), ("14M seed 2", 1024, 0.5)].map {
        run, step, value in try bench.input(json(run, step, value).canonicalBytes, key: "\(run),\(step)")
      }
    }
    inputs["dissent"] = try each { Self.dissent($0, $1, $2) }
    inputs["spectra"] = try each { Self.spectra($0, $1, rank: 4, overlap: $2) }
    let tables = try await bench.run(TablesOperation(), inputs)
    let rows = String(decoding: try #require(tables["findings"]), as: UTF8.self).split(separator: "\n")
    func row(_ start: String) throws -> Substring { try #require(rows.first { $0.hasPrefix(start) }) }
    #expect(rows.first?.hasSuffix(",artefacts,step,says,test,p,error_rate,comparisons") == true)
    #expect(try row("run,14M seed 1,dissent_last,,0.75,").hasSuffix(",8192,,,,,"))
    #expect(try row("seeds,14M,dissent_last,,0.5,").hasSuffix(",1024,,,,,"))

    let root = try XMLNode.parse(try #require(await bench.run(PageOperation(), inputs)["html"]))
    func section(_ id: String) throws -> String {
      try #require(root.all("section").first { $0.attributes["id"] == id }).content
        .split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
    #expect(try section("seeds").contains("dissent at the last checkpoint (t = 1024)20.5000"))
    #expect(try section("seeds").contains("is of the last one that all seeds have"))
    let layers = try section("layers")
    #expect(layers.contains("at step 1024 the change since the initial checkpoint is"), "\(layers)")
    #expect(layers.contains("overlap with the initial ones by 0.3846"), "\(layers)")
  }

  @Test func `Sizes that differ no more than seeds do are not told apart`() async throws {
    let (page, zeroSum) = try await seeds([0.5, 0.6, 0.7], [0.64, 0.56])
    #expect(!page.contains("there is one seed"))
    #expect(zeroSum.contains("Sizes are not found to differ in how far changes cancel (Student's t"))
  }

  @Test func `What D does is told of the means that are printed, and only where all of it has intervals`()
    async throws
  {
    let bench = try Workbench()
    let pairs = [(16, 0.9), (32, 0.9), (64, 0.3), (256, 0.5), (512, 0.45), (1024, 0.42)]
    var decomposition = try #require(Self.decomposition("14M", d: 0.6, m: 0.3).object)
    decomposition["pairs"] = .array(
      pairs.map { from, d in
        [
          "from": .integer(Int64(from)), "to": .integer(Int64(2 * from)), "change": -0.1, "D": .number(d),
          "M": 0.5,
        ]
      })
    decomposition["split"] = [
      "before": [16, 32, 64], "after": [256, 512, 1024], "across": nil, "log_rate": -0.5, "log_M": -0.2,
      "log_constructive": -0.3, "share_D_interval": nil, "share_D_by_window": [0.5],
      "log_rate_resampled": Self.resampled(-0.5, 0.1), "D_change": Self.resampled(-0.24, 0.04),
      "resamples": 200, "resamples_without_share": 7,
    ]
    var inputs = try Self.inputs(bench, d: 0.6)
    inputs["decompositions"] = [try bench.input(JSON.object(decomposition).canonicalBytes)]
    let means =
      "before it (t = 16, 32, 64) the mean is 0.70, after it (t = 256, 512, 1024) 0.46."
    let tested = try await text(inputs, bench)
    #expect(
      tested.contains("At the deceleration D falls by 0.240 (95 %: 0.160 to 0.320): \(means)"), "\(tested)")
    #expect(
      tested.contains(
        "(no interval, as 7 of 200 resamples have none, more than the 2.5 % that lie beyond each end of an interval)"
      ))
    func without(_ sequences: Int, missing: Int, isKnown: Bool = false) async throws -> String {
      var split = try #require(decomposition["split"]?.object)
      split["D_change"] = [
        "value": -0.24, "interval": isKnown ? [-0.3, -0.2] : nil, "error": isKnown ? 0.02 : nil,
        "sequences": .integer(Int64(sequences)),
        "missing_resamples": .integer(Int64(missing)),
      ]
      var changed = decomposition
      changed["split"] = .object(split)
      inputs["decompositions"] = [try bench.input(JSON.object(changed).canonicalBytes)]
      return try await text(inputs, bench)
    }
    let dropped = try await without(64, missing: 90)
    #expect(dropped.contains("D is not tested for a change, as 90 of 200 resamples have none"), "\(dropped)")
    // Five of 200 may all lie on the other side, which is 5 % with as many on this.
    let counted = try await without(64, missing: 5, isKnown: true)
    #expect(
      counted.contains(
        "D is not found to rise or fall (−0.240 (95 %: −0.300 to −0.200, with 5 of 200 resamples that have none counted beyond either end))"
      ),
      "\(counted)")
    let untested = try await without(3, missing: 0)
    #expect(
      untested.contains(
        "At the deceleration D is not tested for a change, for want of 95 % intervals, which take resamples of at least 4 "
          + "sequences: \(means)"),
      "\(untested)")
  }

  @Test func `The report says so when the answer is no`() async throws {
    let text = try await text(d: 0.105, m: 0.1)
    #expect(text.contains("D is not found to rise or fall (0.0050 (95 %: −0.0050 to 0.0150))"), "\(text)")
    let uncertain = try await self.text(d: 0.15, m: 0.4)
    #expect(uncertain.contains("is not found to shrink: it changes by a factor of 0.94"))
    #expect(!uncertain.contains("come from 1 − D"))
    let growing = try await self.text(d: 0, m: 0.8)
    #expect(growing.contains("At the deceleration D falls"))
    #expect(growing.contains("does not shrink: it changes by a factor of 2.2"))
  }
}
