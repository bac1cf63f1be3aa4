import Artefacts
import Compute
import JSON
import Operations
import Safetensors
import System
import Testing

@testable import Actions

@Suite struct ZSLOperationsTests {
  /// What the analyses read, of a tiny training.
  struct Checkpoints {
    let training: Training

    init() async throws { training = try await Training(["steps": 4]) }

    func bytes(_ output: String, _ index: Int) throws -> [UInt8] {
      try #require(training.links[index].bytes(output))
    }

    /// - Parameter index: of the checkpoint: after 1, 2 or 4 updates.
    func losses(_ index: Int, _ parameters: [String: JSON] = [:]) async throws -> [UInt8] {
      let run = try await OperationRun(
        ZSLOperationsTests.operation("lm.losses"), parameters,
        inputs: ["checkpoint": [(nil, try bytes("checkpoints", index))], "tokens": [(nil, Training.tokens)]])
      return try #require(run.bytes("losses"))
    }

    func changes(_ from: Int, _ to: Int, _ parameters: [String: JSON] = [:]) async throws -> OperationRun {
      try await OperationRun(
        ZSLOperationsTests.operation("zsl.losses"),
        ["run": "tiny", "from": .integer(1 << Int64(from)), "to": .integer(1 << Int64(to)), "bootstrap": 39]
          .merging(parameters) { $1 },
        inputs: [
          "before": [(nil, try await losses(from))], "after": [(nil, try await losses(to))],
          "tokens": [(nil, Training.tokens)],
        ])
    }

    func dissent(_ index: Int, _ parameters: [String: JSON] = [:]) async throws -> OperationRun {
      try await OperationRun(
        ZSLOperationsTests.operation("zsl.dissent"),
        ["run": "tiny", "step": .integer(1 << Int64(index)), "bootstrap": 39].merging(parameters) { $1 },
        inputs: [
          "checkpoint": [(nil, try bytes("checkpoints", index))], "tokens": [(nil, Training.tokens)],
        ])
    }

    /// Of a loss that decelerates at step 800, and changes on both sides of it.
    func decomposition() async throws -> OperationRun {
      let options = CurveAnalysis.Options(resamples: 0, starts: 5, cuts: [])
      let fit = try CurveAnalysis.run(GoldenTests.curve("tiny"), options: options)
      let before = try await changes(0, 1, ["from": 100, "to": 200])
      let after = try await changes(1, 2, ["from": 3200, "to": 6400])
      return try await OperationRun(
        ZSLOperationsTests.operation("zsl.decompose"), ["bootstrap": 39],
        inputs: [
          "fit": [(nil, fit.json.canonicalBytes)],
          "changes": [
            ("tiny,3200", try #require(after.bytes("changes"))),
            ("tiny,100", try #require(before.bytes("changes"))),
          ],
        ])
    }

    func alignment(_ index: Int, _ parameters: [String: JSON] = [:]) async throws -> OperationRun {
      try await OperationRun(
        ZSLOperationsTests.operation("zsl.alignment"),
        ["run": "tiny", "step": .integer(1 << Int64(index)), "sequences": 3].merging(parameters) { $1 },
        inputs: [
          "checkpoint": [(nil, try bytes("checkpoints", index))], "tokens": [(nil, Training.tokens)],
        ])
    }

    /// Of a checkpoint, against the first.
    func spectra(_ index: Int, _ parameters: [String: JSON] = [:]) async throws -> OperationRun {
      try await OperationRun(
        ZSLOperationsTests.operation("weights.spectra"),
        ["run": "tiny", "step": .integer(1 << Int64(index)), "leading": 2].merging(parameters) { $1 },
        inputs: [
          "checkpoint": [(nil, try bytes("checkpoints", index))],
          "initial": [(nil, try bytes("checkpoints", 0))],
        ])
    }

    /// Of the sequences of the update that comes next, and its changes.
    func gradients(_ index: Int, _ parameters: [String: JSON] = [:]) async throws -> OperationRun {
      let delta = try #require(try await step(index).bytes("deltas", key: "1"))
      return try await OperationRun(
        ZSLOperationsTests.operation("zsl.gradients"),
        ["run": "tiny", "step": .integer(1 << Int64(index)), "sequences": 2].merging(parameters) { $1 },
        inputs: [
          "checkpoint": [(nil, try bytes("checkpoints", index))], "tokens": [(nil, Training.tokens)],
          "delta": [(nil, delta)],
        ])
    }

    /// Of the first update from a checkpoint.
    func prediction(_ index: Int, gradients: [String: JSON] = [:], _ parameters: [String: JSON] = [:])
      async throws -> OperationRun
    {
      let tokens = try #require(try await self.gradients(index, gradients).bytes("tokens"))
      let losses = try #require(try await step(index).bytes("losses"))
      return try await OperationRun(
        ZSLOperationsTests.operation("zsl.prediction"),
        ["run": "tiny", "step": .integer(1 << Int64(index)), "bins": 4].merging(parameters) { $1 },
        inputs: ["gradients": [(nil, tokens)], "losses": [(nil, losses)]])
    }

    func step(_ index: Int, _ parameters: [String: JSON] = [:]) async throws -> OperationRun {
      try await OperationRun(
        ZSLOperationsTests.operation("zsl.step"),
        ["run": "tiny", "batches": 2, "batch": 2, "warmup": 3, "learning_rate": 0.01, "tokens": 100].merging(
          parameters
        ) { $1 },
        inputs: [
          "checkpoint": [(nil, try bytes("checkpoints", index))],
          "state": [(nil, try bytes("states", index))],
          "train": [(nil, Training.tokens)], "tokens": [(nil, Training.tokens)],
        ])
    }
  }

  /// Losses of two rates with three seeds each, after 1, 2 and 4 updates.
  static func rates(_ parameters: [String: JSON] = [:]) async throws -> [[UInt8]] {
    var losses: [[UInt8]] = []
    for rate in [0.01, 0.02] {
      for seed in 1...3 {
        let training = try await Training(
          ["steps": 4, "seed": .integer(Int64(seed)), "learning_rate": .number(rate)])
        for link in training.links {
          let run = try await OperationRun(
            operation("lm.losses"), parameters,
            inputs: [
              "checkpoint": [(nil, try #require(link.bytes("checkpoints")))],
              "tokens": [(nil, Training.tokens)],
            ])
          losses.append(try #require(run.bytes("losses")))
        }
      }
    }
    return losses
  }

  static func ranking(
    _ parameters: [String: JSON] = [:], losses: [[UInt8]]? = nil, tokens: [UInt8] = Training.tokens
  ) async throws -> OperationRun {
    let own = if let losses { losses } else { try await rates() }
    return try await OperationRun(
      operation("zsl.ranking"),
      ["rates": [0.01, 0.02], "seeds": [1, 2, 3], "steps": [1, 2, 4], "levels": 2].merging(parameters) { $1 },
      inputs: [
        "losses": own.enumerated().map { ("\($0.offset)", $0.element) }, "tokens": [(nil, tokens)],
      ])
  }

  @Test func `Rates are compared where their mean losses are equal`() async throws {
    let losses = try await Self.rates()
    let result = try Self.result(try await Self.ranking(losses: losses))
    let common = (result["common"]?.array ?? []).compactMap(\.double)
    #expect(common.count == 2)
    let levels = try #require(result["levels"]?.array)
    #expect(levels.count == 2 && levels[1]["loss"]?.double == common[0] && common[0] < common[1])
    for level in levels {
      #expect(level["trainings"]?.array?.count == 6 && level["correlations"]?.array?.count == 6)
      #expect(level["pairs"]?.array?.count == 1 && level["pairs"]?.array?[0]["interval"]?.array?.count == 2)
      let bins = try #require(level["positions"]?.array)
      #expect(bins.count == 4 && bins.compactMap { $0["tokens"]?.integer }.reduce(0, +) == 599)
    }
    let middle = (common[0] + common[1]) / 2
    let chosen = try Self.result(
      try await Self.ranking(["losses": [.number(common[0]), .number(middle)]], losses: losses))
    #expect(chosen["levels"]?.array?.compactMap { $0["loss"]?.double } == [middle, common[0]])
  }

  @Test func `What is no ranking of rates is refused`() async throws {
    let losses = try await Self.rates()
    var others = losses
    others[3] = try await Self.rates(["context": 4])[3]
    var damaged = losses
    damaged[5] = Array(damaged[5].dropLast(7))
    func refused(
      _ parameters: [String: JSON] = [:], _ losses: [[UInt8]], _ tokens: [UInt8] = Training.tokens
    ) async -> Bool {
      await ((try? Self.ranking(parameters, losses: losses, tokens: tokens)) == nil)
    }
    #expect(await !refused([:], losses))
    #expect(await refused([:], Array(losses.dropLast())))
    #expect(await refused([:], others))
    #expect(await refused([:], damaged))
    #expect(await refused([:], losses, Array(Training.tokens.dropLast())))
    for (name, value) in [
      ("rates", [0.01]), ("rates", [0.01, 0.01]), ("rates", [-1, 1]), ("rates", "fast"), ("seeds", []),
      ("seeds", [1, 1, 2]), ("seeds", [1, 2]), ("steps", [4, 2, 1]), ("steps", [0, 1, 2]), ("steps", [1]),
      ("levels", 0), ("levels", 1_000_000), ("losses", [0]), ("losses", [1e9]), ("losses", [0.001]),
    ] as [(String, JSON)] {
      #expect(await refused([name: value], losses), "\(name): \(value)")
    }
  }

  static func operation(_ name: String) throws -> any Actions.Operation {
    try #require(Operations.all.first { $0.name == name })
  }

  static func result(_ run: OperationRun) throws -> JSON {
    try JSON(parsing: try #require(run.bytes("result")))
  }

  @Test func `Changes of losses are those between the checkpoints`() async throws {
    let checkpoints = try await Checkpoints()
    let run = try await checkpoints.changes(1, 2)
    let result = try Self.result(run)
    let changes = try LossChanges(parsing: try #require(run.bytes("changes")))
    let (before, after) = (
      try TokenLosses(parsing: try await checkpoints.losses(1)),
      try TokenLosses(parsing: try await checkpoints.losses(2))
    )
    #expect(
      changes.changes == zip(before.values, after.values).map { $1 - $0 } && changes.changes.count == 599)
    #expect(changes.from == 2 && changes.to == 4 && changes.run == "tiny" && changes.context == 8)
    let change = try #require(result["change"]?.double)
    #expect(abs(change - (after.mean - before.mean)) < 1e-6 && change < 0)
    #expect(result["by_position"]?.array?.count == 4 && result["D_interval"]?.array?.count == 2)
  }

  @Test func `Few sequences have no intervals, and the log says why`() async throws {
    let checkpoints = try await Checkpoints()
    let (before, after) = (
      try await checkpoints.losses(0, ["tokens": 24]), try await checkpoints.losses(1, ["tokens": 24])
    )
    let run = try await OperationRun(
      Self.operation("zsl.losses"), ["run": "x", "from": 1, "to": 2],
      inputs: ["before": [(nil, before)], "after": [(nil, after)], "tokens": [(nil, Training.tokens)]])
    let result = try Self.result(run)
    #expect(result["sequences"] == 3 && result["D_interval"]?.isNull == true)
    #expect(run.log.contains("they take at least 4 sequences, and there are 3"))
  }

  @Test func `Losses of another stream or another window are refused`() async throws {
    let checkpoints = try await Checkpoints()
    let (before, short) = (try await checkpoints.losses(0), try await checkpoints.losses(1, ["context": 4]))
    func run(_ after: [UInt8], _ tokens: [UInt8]) async throws {
      _ = try await OperationRun(
        Self.operation("zsl.losses"), ["run": "x", "from": 1, "to": 2],
        inputs: ["before": [(nil, before)], "after": [(nil, after)], "tokens": [(nil, tokens)]])
    }
    await #expect(throws: Failure.self) { try await run(short, Training.tokens) }
    await #expect(throws: Failure.self) { try await run(before, before) }
    await #expect(throws: Failure.self) { try await run(Training.tokens, Training.tokens) }
  }

  @Test func `The first trial step is the one that the training makes`() async throws {
    let checkpoints = try await Checkpoints()
    let weights = try values(of: checkpoints.bytes("checkpoints", 0))
    let next = try values(of: checkpoints.bytes("checkpoints", 1))
    // The learning rate of update 2 in a warm-up of 3, and the training's clip.
    let run = try await checkpoints.step(0, ["clip": 1])
    let delta = try values(of: try #require(run.bytes("deltas", key: "1")))
    for index in weights.indices { #expect(next[index] - weights[index] == delta[index]) }
    let other = try values(of: try #require(run.bytes("deltas", key: "2")))
    #expect(delta != other)
    let result = try Self.result(run)
    #expect(result["step"] == 1 && result["batches"]?.array?.count == 2)
    #expect(result["train"]?["D"]?["std"]?.double != nil)
    let file = try SafetensorsFile(try #require(run.bytes("losses")))
    #expect(file.descriptor("evaluation.after")?.shape == [2, 100])
    #expect(file.descriptor("train.before")?.shape == [2, 16])
  }

  @Test func `A trial step has the rate that the schedule gives it`() async throws {
    let checkpoints = try await Checkpoints()
    func rate(_ settings: [String: JSON]) async throws -> Double {
      let result = try Self.result(await checkpoints.step(1, settings.merging(["warmup": 0]) { $1 }))
      return try #require(result["learning_rate"]?.double)
    }
    let peak = try await rate([:])
    // The checkpoint is that after 2 updates, so the third is asked for: two of four are left to cool down in, and one of two.
    #expect(abs(try await rate(["cooldown": 4, "steps": 4]) / peak - 0.5) < 1e-12)
    #expect(abs(try await rate(["cooldown": 2, "steps": 3]) / peak - 0.5) < 1e-12)
    #expect(abs(try await rate(["schedule": "cosine", "steps": 4]) / peak - 0.5) < 1e-12)
    #expect(try await rate(["cooldown": 1, "steps": 100]) == peak)
    // A further update than the last one has the last one's rate.
    #expect(abs(try await rate(["cooldown": 2, "steps": 2]) / peak - 0.5) < 1e-12)
    #expect(throws: ParameterError.self) {
      let operation = try Self.operation("zsl.step")
      try operation.validate(
        ParameterValues(["run": "x", "cooldown": 2], declarations: operation.parameters))
    }
  }

  @Test func `A state of another optimiser is refused`() async throws {
    let checkpoints = try await Checkpoints()
    await #expect(throws: Failure.self) { try await checkpoints.step(0, ["optimiser": "sgd"]) }
    await #expect(throws: Failure.self) { try await checkpoints.step(0, ["context": 9]) }
    #expect(throws: ParameterError.self) {
      let operation = try Self.operation("zsl.step")
      try operation.validate(
        ParameterValues(["run": "x", "betas": [0.5]], declarations: operation.parameters))
    }
  }

  @Test func `A deceleration is split between cancellation and smaller changes`() async throws {
    let checkpoints = try await Checkpoints()
    let result = try RateDecomposition(json: Self.result(await checkpoints.decomposition()))
    #expect(result.pairs.map(\.from) == [100, 3200])
    let split = try #require(result.split)
    #expect(split.before == [100] && split.after == [3200])
    let pairs = result.pairs.map { abs($0.change) }
    #expect(abs(split.change.magnitude + split.change.constructive - split.change.rate) < 1e-9)
    #expect((split.change.rate < 0) == (pairs[1] < pairs[0]))
  }

  @Test func `Gradients predict how the next update changes the loss of each token`() async throws {
    let checkpoints = try await Checkpoints()
    let run = try await checkpoints.gradients(1)
    let tokens = try SafetensorsFile(try #require(run.bytes("tokens")))
    let step = try SafetensorsFile(try #require(try await checkpoints.step(1).bytes("losses")))
    let losses: [Float] = try tokens.elements("losses", .float32)
    let before: [Float] = try step.elements("train.before", .float32)
    let after: [Float] = try step.elements("train.after", .float32)
    #expect(losses == Array(before.prefix(16)))
    let predicted: [Double] = try tokens.elements("sum_p", .float64)
    for (place, change) in predicted.enumerated() {
      #expect(abs(Double(after[place] - before[place]) - change) < 0.25 * abs(change) + 1e-3)
    }
    let result = try Self.result(run)
    #expect(result["tokens"] == 16 && result["method"] == "exact" && result["run"] == "tiny")
    // For tokens of one magnitude it would be 3/4: where magnitudes differ, chance leaves more.
    let null = try #require(result["null"]?["D"]?.double)
    #expect((0.4..<0.75).contains(null) && result["model"]?["D_null"]?.double == null)
    #expect(result["random_signs"]?["draws"] == 10 && result["random_signs"]?["D_deviation"]?.double ?? 0 > 0)
    #expect(result["layers"]?.array?.count == 1)
    #expect(result["model"]?["C_g"]?.double != nil)
    let magnitudes = try SafetensorsFile(try #require(run.bytes("magnitudes")))
    #expect(magnitudes.descriptor("lm_head.weight")?.shape == [17, 8])
    // Sequences a part at a time change nothing but the order of sums.
    let parts = try Self.result(try await checkpoints.gradients(1, ["batch": 1]))
    let (d, e) = (result["model"]?["D"]?.double ?? 0, parts["model"]?["D"]?.double ?? 1)
    #expect(abs(d - e) < 1e-5)
    let tied = try Self.result(try await checkpoints.gradients(1, ["embeddings": "tied"]))
    #expect(tied["model"]?["coordinates"] != result["model"]?["coordinates"])
  }

  @Test func `Predicted changes are compared with those of the same tokens`() async throws {
    let checkpoints = try await Checkpoints()
    let result = try Self.result(try await checkpoints.prediction(1))
    #expect(result["tokens"] == 16 && result["step"] == 2 && result["run"] == "tiny" && result["batch"] == 1)
    #expect(try #require(result["correlation"]?.double) > 0.9)
    #expect(result["bins"]?.array?.count == 4)
    let update = try Self.result(try await checkpoints.step(1))
    #expect(result["measured"] == update["batches"]?.array?[0]["train"])
    let gradients = try Self.result(try await checkpoints.gradients(1))
    let (sum, mean) = (gradients["model"]?["sum_p"]?.double, result["predicted"]?["change"]?.double)
    #expect(abs(try #require(sum) / 16 - #require(mean)) < 1e-6)
  }

  @Test func `Gradients of other sequences, and those that predict nothing, are refused`() async throws {
    let checkpoints = try await Checkpoints()
    func message(_ gradients: [String: JSON], _ parameters: [String: JSON] = [:]) async -> String {
      do {
        _ = try await checkpoints.prediction(1, gradients: gradients, parameters)
        return ""
      } catch { return "\(error)" }
    }
    #expect(await message(["sequences": 1]).contains("8 tokens, and the update of 16"))
    #expect(await message(["step": 1]).contains("not of the same tokens"))
    #expect(await message(["data_seed": 7]).contains("not of the same tokens"))
    #expect(await message(["context": 4, "sequences": 4]).contains("not of the same tokens"))
    #expect(await message([:], ["batch": 2]).contains("not of the same tokens"))
    #expect(await message([:], ["batch": 3]).contains("there is no batch 3"))
    #expect(await message(["method": "proxy"]).contains("method exact or sampled"))
  }

  @Test func `A sample of tokens gives the same quantities with their errors`() async throws {
    let checkpoints = try await Checkpoints()
    let sampled: [String: JSON] = ["method": "sampled", "samples": 16, "sequences": 4]
    let run = try await checkpoints.gradients(1, sampled)
    let result = try Self.result(run)
    #expect(result["method"] == "sampled" && result["tokens"] == 32 && result["tokens_followed"] == 16)
    #expect(try #require(result["model_without_embeddings"]?["D_error"]?.double) > 0)
    #expect(try #require(result["model"]?["C_g_error"]?.double) > 0)
    #expect(
      result["model"]?["C_dl_error"]?.double == 0 && result["layers"]?.array?[0]["C_dl_error"]?.double != 0)
    #expect(try SafetensorsFile(try #require(run.bytes("tokens"))).descriptor("sample")?.shape == [16])
    let tight = try Self.result(
      try await checkpoints.gradients(1, sampled.merging(["tolerance": 1e-9]) { $1 }))
    #expect(tight["tokens_followed"] == 32)
    let exact = try Self.result(try await checkpoints.gradients(1, ["sequences": 4]))
    let (d, e) = (tight["model"]?["D"]?.double ?? 0, exact["model"]?["D"]?.double ?? 1)
    #expect(abs(d - e) < 1e-6)
    let tied = try Self.result(
      try await checkpoints.gradients(1, sampled.merging(["embeddings": "tied"]) { $1 }))
    #expect(tied["embeddings"] == "tied" && (tied["model"]?["D_error"]?.double ?? 0) > 0)
  }

  @Test func `Gradients are compared in every part of the model`() async throws {
    let checkpoints = try await Checkpoints()
    let result = try Self.result(try await checkpoints.alignment(1))
    let found = try GradientAlignment(json: result)
    #expect(found.run == "tiny" && found.step == 2 && found.sequences == 3 && found.tokens == 24)
    #expect(
      found.blocks.map(\.name) == [
        "embedding", "layer.0.attention", "layer.0.feed_forward", "output", "model",
        "model_without_embeddings",
      ])
    for block in found.blocks {
      for cosine in [block.sequencePairs, block.sequenceMean, block.tokenPairs, block.tokenMean] {
        #expect((-1...1).contains(try #require(cosine).mean))
      }
    }
    let some = try GradientAlignment(json: Self.result(try await checkpoints.alignment(1, ["samples": 16])))
    #expect(some.followed == 16 && some["model"]?.sequencePairs == found["model"]?.sequencePairs)
    await #expect(throws: Failure.self) { try await checkpoints.alignment(1, ["context": 9]) }
    let operation = try Self.operation("zsl.alignment")
    #expect(throws: ParameterError.self) {
      try ParameterValues(["run": "x", "step": 1, "sequences": 1], declarations: operation.parameters)
    }
  }

  @Test func `Spectra are those of the weights and of their changes`() async throws {
    let checkpoints = try await Checkpoints()
    let run = try await checkpoints.spectra(2)
    let found = try WeightSpectra(json: Self.result(run))
    #expect(found.run == "tiny" && found.step == 4 && found.matrices.map(\.leading).allSatisfy { $0 == 2 })
    let values = try SafetensorsFile(try #require(run.bytes("values")))
    #expect(values.header.tensors.count == 3 * found.matrices.count)
    let before = try SafetensorsFile(checkpoints.bytes("checkpoints", 0))
    let after = try SafetensorsFile(checkpoints.bytes("checkpoints", 2))
    for matrix in found.matrices {
      let (w, v): ([Float], [Float]) = (
        try after.elements(matrix.name, .float32), try before.elements(matrix.name, .float32)
      )
      let square = zip(w, v).reduce(0.0) {
        $0 + (Double($1.0) - Double($1.1)) * (Double($1.0) - Double($1.1))
      }
      let change = try #require(matrix.change)
      #expect(abs(change.spectrum.norm / square.squareRoot() - 1) < 1e-12)
      let singular: [Double] = try values.elements("change." + matrix.name, .float64)
      #expect(singular.count == matrix.fullRank && singular[0] == change.spectrum.spectralNorm)
      #expect(zip(singular, singular.dropFirst()).allSatisfy(>=))
    }
    await #expect(throws: Failure.self) {
      try await OperationRun(
        Self.operation("weights.spectra"), ["run": "x", "step": 1],
        inputs: ["checkpoint": [(nil, Training.tokens)]])
    }
  }

  @Test func `Dissent is measured of every token`() async throws {
    let checkpoints = try await Checkpoints()
    let all = try await checkpoints.dissent(2)
    let dissent: [Float] = try SafetensorsFile(try #require(all.bytes("tokens"))).elements(
      "dissent", .float32)
    #expect(dissent.count == 599 && dissent.allSatisfy { (-1...1).contains($0) })
    let result = try Self.result(all)
    let mean = dissent.reduce(0.0) { $0 + Double($1) } / 599
    #expect(abs(try #require(result["dissent"]?.double) - mean) < 1e-12)
    let some = try await checkpoints.dissent(2, ["tokens": 50])
    let first: [Float] = try SafetensorsFile(try #require(some.bytes("tokens"))).elements(
      "dissent", .float32)
    #expect(first == Array(dissent.prefix(50)))
  }
}

/// The values of a checkpoint's file in the order of its names.
private func values(of bytes: [UInt8]) throws -> [Float] {
  let file = try SafetensorsFile(bytes)
  return try file.header.tensors.map(\.name).sorted().flatMap { name -> [Float] in
    try file.elements(name, .float32)
  }
}
