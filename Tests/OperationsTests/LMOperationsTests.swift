import Artefacts
import Compute
import Foundation
import JSON
import Safetensors
import Support
import System
import Testing

@testable import Actions
@testable import Operations

/// A tiny training, link by link as the engine runs it.
struct Training {
  static let chain: any ChainOperation = {
    Operations.all.first { $0.name == "lm.train" } as! any ChainOperation
  }()

  /// 600 tokens of a vocabulary of 17 that follow each other in a simple order.
  static let tokens: [UInt8] = {
    var stream = TokenStream(tokeniser: "test", vocabularySize: 17, separator: nil)
    stream.append { tokens in tokens = (0..<600).map { UInt32($0 * $0 / 3 % 17) } }
    var bytes: [UInt8] = []
    try? stream.write { bytes += $0 }
    return bytes
  }()

  static let shape: [String: JSON] = [
    "width": 8, "layers": 1, "heads": 2, "inner": 12, "context": 8, "batch": 2, "warmup": 3,
    "learning_rate": 0.01,
  ]

  static func links(_ parameters: [String: JSON]) throws -> [ChainLink] {
    let isConfigured = parameters["model"] == "configuration"
    let shape = shape.filter { !isConfigured || !["width", "layers", "heads", "inner"].contains($0.key) }
    let all = shape.merging(parameters) { $1 }
    return try chain.links(ParameterValues(all, declarations: chain.parameters))
  }

  let links: [OperationRun]
  let end: OperationRun

  /// - Parameter configuration: of the model, where the parameters say `model: configuration`.
  init(
    _ parameters: [String: JSON], tokens: [UInt8] = Self.tokens, configuration: [UInt8]? = nil
  ) async throws {
    var runs: [OperationRun] = []
    var segments: [(key: String?, bytes: [UInt8])] = []
    for link in try Self.links(parameters) {
      var inputs: [String: [(key: String?, bytes: [UInt8])]] = ["train": [(nil, tokens)]]
      if let configuration { inputs["configuration"] = [(nil, configuration)] }
      if let last = runs.last {
        for name in Self.chain.carried {
          inputs["previous." + name] = [(nil, try #require(last.bytes(name)))]
        }
      }
      let run = try await OperationRun(LinkOperation(chain: Self.chain), link.parameters, inputs: inputs)
      segments.append((link.key, try #require(run.bytes("segments"))))
      runs.append(run)
    }
    links = runs
    end = try await OperationRun(EndOperation(chain: Self.chain), inputs: ["segments": segments])
  }
}

@Suite struct LMOperationsTests {
  func operation(_ name: String) throws -> any Actions.Operation {
    try #require(Operations.all.first { $0.name == name })
  }

  // MARK: Links

  @Test func `There is a link for each checkpoint`() throws {
    func keys(_ parameters: [String: JSON]) throws -> [String] { try Training.links(parameters).map(\.key) }
    #expect(try keys(["steps": 9]) == ["1", "2", "4", "8", "9"])
    #expect(try keys(["steps": 8]) == ["1", "2", "4", "8"])
    #expect(try keys(["steps": 10, "checkpoints": 4]) == ["4", "8", "10"])
    #expect(try keys(["steps": 10, "checkpoints": [3, 7, 20]]) == ["3", "7", "10"])
    #expect(try keys(["steps": 10, "checkpoints": "4"]) == ["4", "8", "10"], "as a command line gives it")
    #expect(try keys(["steps": 10, "checkpoints": "3,7,20"]) == ["3", "7", "10"])
    #expect(try keys(["steps": 10, "resume": 3]) == ["1", "2", "3", "4", "6", "8", "9", "10"])
    #expect(try keys(["steps": 10, "checkpoints": [], "cooldown": 4]) == ["6", "10"])
    let wrongs: [[String: JSON]] = [
      ["steps": 10, "checkpoints": 0], ["steps": 10, "checkpoints": [3, 3]], ["steps": 0],
      ["steps": 10, "checkpoints": "3,x"], ["steps": 10, "checkpoints": "7,3"], ["steps": 10, "resume": -1],
    ]
    for wrong in wrongs {
      #expect(throws: ParameterError.self) { try keys(wrong) }
    }
    #expect(throws: ParameterError.self) { try keys(["steps": 1_000_000, "checkpoints": 1]) }
    #expect(throws: ParameterError.self) { try keys(["steps": 1_000_000, "resume": 1]) }
  }

  @Test func `A longer training begins with the links of the shorter one`() throws {
    let short = try Training.links(["steps": 16])
    let long = try Training.links(["steps": 32])
    #expect(short.map(\.parameters) == long.prefix(short.count).map(\.parameters))
    let every = try Training.links(["steps": 1600, "checkpoints": 100])
    let twice = try Training.links(["steps": 3200, "checkpoints": 100])
    #expect(every.map(\.parameters) == twice.prefix(16).map(\.parameters))
    let powers = try Training.links(["steps": 1600, "resume": 200])
    let longer = try Training.links(["steps": 3200, "resume": 200])
    #expect(powers.map(\.parameters) == longer.prefix(powers.count).map(\.parameters))
  }

  @Test func `Only the first link depends on how the weights start, and on no more of that than it uses`()
    throws
  {
    func links(_ parameters: [String: JSON]) throws -> [[String: JSON]] {
      try Training.links(parameters.merging(["steps": 4]) { $1 }).map(\.parameters)
    }
    let usual = try links([:])
    #expect(try links(["deviation": 0.5]) == usual)
    let (narrow, wide) = (
      try links(["initialisation": "normal"]), try links(["initialisation": "normal", "deviation": 0.5])
    )
    #expect(narrow[0] != usual[0] && wide[0] != narrow[0])
    #expect(narrow.dropFirst() == usual.dropFirst() && wide.dropFirst() == usual.dropFirst())
  }

  @Test func `A debug build trains to the recorded bits`() async throws {
    let text = try await OperationRun(operation("text.synthesise"), ["size": 20000])
    let tokens = try await OperationRun(
      operation("text.tokenise"), inputs: ["text": [(nil, #require(text.bytes("text")))]])
    let training = try await Training(["steps": 8], tokens: #require(tokens.bytes("train")))
    let weights = try #require(training.links.last?.bytes("checkpoints"))
    #expect(Digest(of: weights).description == TrainingSample.weights)
  }

  @Test func `A normal start has the deviation that was asked for`() async throws {
    let training = try await Training([
      "steps": 1, "initialisation": "normal", "deviation": 0.25, "learning_rate": 1e-9, "warmup": 0,
    ])
    let checkpoint = try #require(training.links[0].bytes("checkpoints"))
    let info = try await OperationRun(operation("lm.info"), inputs: ["checkpoint": [(nil, checkpoint)]])
    let tensors = try JSON(parsing: #require(info.bytes("info")))["tensors"]?.object
    for tensor in try #require(tensors).values {
      #expect(abs((tensor["root_mean_square"]?.double ?? 0) - 0.25) < 0.06)
    }
  }

  @Test func `A cool-down added behind a training changes only the links behind it`() throws {
    let before = try Training.links(["steps": 20])
    let after = try Training.links(["steps": 25, "cooldown": 5, "floor": 0.1])
    #expect(after.map(\.key) == before.map(\.key) + ["25"])
    #expect(before.map(\.parameters) == after.prefix(before.count).map(\.parameters))
    #expect(after.last?.parameters["cooldown"] == 5)
    // Another length of it reruns it.
    let other = try Training.links(["steps": 28, "cooldown": 8, "floor": 0.1])
    #expect(other.dropLast().map(\.parameters) == before.map(\.parameters))
    #expect(other.last?.parameters != after.last?.parameters)
  }

  @Test func `A link holds of warm-up and cosine only what its own updates see`() throws {
    let constant = try Training.links(["steps": 16, "warmup": 4])
    let cosine = try Training.links(["steps": 16, "warmup": 4, "schedule": "cosine"])
    let same = zip(constant, cosine).map { $0.parameters == $1.parameters }
    #expect(same == [true, true, true, false, false])
    let warmer = try Training.links(["steps": 16, "warmup": 2])
    #expect(
      zip(constant, warmer).map { $0.parameters == $1.parameters } == [false, false, false, true, true])
    // First weights are the first link's.
    let seeded = try Training.links(["steps": 16, "warmup": 4, "seed": 5])
    #expect(zip(constant, seeded).map { $0.parameters == $1.parameters } == [false, true, true, true, true])
  }

  @Test func `Saying what is the default gives the same links`() throws {
    let chain = Training.chain
    let short = try chain.links(ParameterValues(["steps": 4], declarations: chain.parameters))
    let long = try chain.links(
      ParameterValues(
        [
          "steps": 4, "model": "188k", "width": 32, "inner": 80, "layers": 4, "heads": 4,
          "learning_rate": 0.002,
          "betas": [0.9, 0.95], "epsilon": 1e-5,
        ], declarations: chain.parameters))
    #expect(short.map(\.parameters) == long.map(\.parameters))
  }

  @Test(
    arguments: [
      ["heads": 3], ["betas": [0.9]], ["schedule": "cosine", "cooldown": 2], ["cooldown": 9], ["cooldown": 6],
      ["schedule": "cosine", "warmup": 9], ["context": 1_048_576, "batch": 1024],
      ["batch": 8, "micro_batch": 3], ["batch": 8, "micro_batch": 16], ["family": "gpt_neox"],
      ["family": "olmo", "width": 7], ["model": "configuration", "learning_rate": 0],
      ["model": "configuration", "width": 8], ["model": "configuration", "family": "gpt2"],
      ["alpha": 4], ["slow_warmup": 10, "optimiser": "muon"], ["others_rate": 0.5],
    ] as [[String: JSON]])
  func `What cannot be trained is refused while planning`(parameters: [String: JSON]) throws {
    #expect(throws: ParameterError.self) {
      try Training.links(parameters.merging(["steps": 8]) { given, _ in given })
    }
  }

  // MARK: Training

  @Test(arguments: ["adamw", "cautious-adamw", "ademamix", "sgd", "muon"])
  func `One link and several give the same weights, state and losses`(optimiser: String) async throws {
    let settings: [String: JSON] = ["steps": 8, "optimiser": .string(optimiser), "cooldown": 2]
    let one = try await Training(settings.merging(["checkpoints": []]) { $1 })
    let many = try await Training(settings)
    #expect(one.links.count == 2 && many.links.count == 5)
    for output in ["checkpoints", "states"] {
      #expect(try #require(one.links.last?.bytes(output)) == many.links.last?.bytes(output))
    }
    let losses = try #require(one.end.bytes("losses"))
    #expect(losses == many.end.bytes("losses"))
    let curve = try Curve(bytes: losses)
    #expect(curve.steps == Array(1...8) && curve.run == "544")
  }

  /// AdEMAMix by its paper (arXiv 2409.03137, section 3) in float64, on the one number that a state shows of each schedule:
  /// with the slow average's decay growing from beta1, and its weight from nothing, a first update is AdamW's nearly.
  @Test func `AdEMAMix's schedules are those of its parameters`() async throws {
    func weights(_ settings: [String: JSON]) async throws -> [UInt8] {
      let own: [String: JSON] = ["steps": 4, "optimiser": "ademamix", "checkpoints": []]
      let training = try await Training(own.merging(settings) { $1 })
      return try #require(training.links.last?.bytes("checkpoints"))
    }
    let plain = try await weights([:])
    #expect(try await weights(["alpha": 8]) == plain)
    #expect(try await weights(["alpha": 2]) != plain)
    #expect(try await weights(["slow_warmup": 100]) != plain)
    // From the update on at which it ends, it is as if there had been none.
    #expect(try await weights(["slow_warmup": 1]) == plain)
    let links = try Training.links(["steps": 8, "optimiser": "ademamix", "slow_warmup": 3])
    #expect(links.map { $0.parameters["slow_warmup"] } == [3, 3, 0, 0])
  }

  @Test func `Muon's rate for the other parameters is a multiple`() async throws {
    func embedding(_ rate: JSON) async throws -> [UInt8] {
      let training = try await Training([
        "steps": 2, "optimiser": "muon", "checkpoints": [], "others_rate": rate,
      ])
      return try #require(training.links.last?.bytes("checkpoints"))
    }
    #expect(try await embedding(0.5) != embedding(1))
  }

  @Test func `Training lowers the loss`() async throws {
    let training = try await Training(["steps": 60, "checkpoints": []])
    let curve = try Curve(bytes: try #require(training.end.bytes("losses")))
    #expect(curve.losses[50...].reduce(0, +) / 10 < curve.losses[..<5].reduce(0, +) / 5 - 0.3)
  }

  @Test func `The segments tell the learning rates of warm-up and cool-down`() async throws {
    let training = try await Training(["steps": 8, "cooldown": 3, "checkpoints": [4]])
    let rows = training.links.flatMap { run in
      String(decoding: run.bytes("segments") ?? [], as: UTF8.self).split(separator: "\n").dropFirst(2)
        .map { $0.split(separator: ",").compactMap { Double($0) } }
    }
    #expect(rows.map { $0[0] } == Array(1...8).map(Double.init))
    let expected = [0.1, 0.4, 0.7, 1, 1, 1, 2.0 / 3, 1.0 / 3].map { $0 * 0.01 }
    for (row, rate) in zip(rows, expected) { #expect(abs(row[2] - rate) < 1e-12 && row[3] > 0) }
  }

  @Test func `A training that blows up stops and says where`() async throws {
    let error = await #expect(throws: Failure.self) {
      try await Training([
        "steps": 30, "learning_rate": 1e6, "clip": 0, "optimiser": "sgd", "checkpoints": [],
      ])
    }
    let message = try #require(error).headline
    for part in ["step ", "loss ", "learning rate ", "gradient norm "] { #expect(message.contains(part)) }
  }

  @Test func `A link refuses what does not come from the link before it`() async throws {
    let first = try await Training(["steps": 1])
    let link = try Training.links(["steps": 4])[2]
    func run(_ inputs: [String: [UInt8]]) async throws {
      _ = try await OperationRun(
        LinkOperation(chain: Training.chain), link.parameters,
        inputs: inputs.merging(["train": Training.tokens]) { $1 }.mapValues { [(nil, $0)] })
    }
    await #expect(throws: Failure.self) { try await run([:]) }
    let weights = try #require(first.links[0].bytes("checkpoints"))
    let state = try #require(first.links[0].bytes("states"))
    let error = await #expect(throws: Failure.self) {
      try await run(["previous.checkpoints": weights, "previous.states": state])
    }
    #expect(try #require(error).headline.contains("after update 1, not after 2"))
  }

  @Test(arguments: ["llama", "olmo", "gpt2", "gpt_neox"])
  func `A model is the same by its family and by its configuration`(family: String) async throws {
    let settings: [String: JSON] = ["steps": 40, "checkpoints": []]
    let named = try await Training(
      settings.merging(["family": .string(family), "width": 16, "inner": 20]) { $1 })
    let checkpoint = try #require(named.links[0].bytes("checkpoints"))
    let configuration = try #require(SafetensorsFile(checkpoint).header.metadata["config"])
    #expect(try JSON(parsing: Array(configuration.utf8))["model_type"] == .string(family))
    let configured = try await Training(
      settings.merging(["model": "configuration"]) { $1 }, configuration: Array(configuration.utf8))
    #expect(configured.links[0].bytes("checkpoints") == checkpoint)
    let curve = try Curve(bytes: try #require(configured.end.bytes("losses")))
    #expect(curve.losses[35...].reduce(0, +) / 5 < curve.losses[..<5].reduce(0, +) / 5 - 0.2)
  }

  /// 5.9e9 parameters: without the check, this takes all memory that there is.
  @Test(.enabled(if: MachineMemory.available < 64 << 30))
  func `A training that does not fit into memory is refused with how much it takes`() async throws {
    let error = await #expect(throws: Failure.self) {
      _ = try await Training(["steps": 1, "width": 32768, "heads": 256, "inner": 16384])
    }
    #expect(error?.code == .unusable && error?.headline.contains("too little memory") == true)
  }

  @Test func `A configuration that does not go with the training is refused`() async throws {
    let small: JSON = [
      "model_type": "gpt2", "vocab_size": 16, "n_embd": 8, "n_layer": 1, "n_head": 2, "n_positions": 8,
    ]
    let settings: [String: JSON] = ["steps": 1, "model": "configuration"]
    await #expect(throws: Failure.self) { try await Training(settings) }
    for configuration in [small.canonicalBytes, [], Array("[]".utf8)] {
      await #expect(throws: Failure.self) {
        try await Training(settings, configuration: configuration)
      }
    }
    await #expect(throws: Failure.self) {
      try await Training(["steps": 1], configuration: small.canonicalBytes)
    }
    guard case .object(var members) = small else { return }
    members["vocab_size"] = 20
    _ = try await Training(settings, configuration: JSON.object(members).canonicalBytes)
    let error = await #expect(throws: Failure.self) {
      try await Training(
        settings.merging(["context": 9]) { $1 }, configuration: JSON.object(members).canonicalBytes)
    }
    #expect(try #require(error).headline.contains("context"))
  }

  @Test func `Parts of a batch give the gradient of the whole`() async throws {
    func train(_ parameters: [String: JSON]) async throws -> OperationRun {
      try await Training(parameters.merging(["steps": 3, "checkpoints": []]) { $1 }).links[0]
    }
    func updates(_ run: OperationRun) throws -> [Double] {
      String(decoding: try #require(run.bytes("segments")), as: UTF8.self).split(separator: "\n").dropFirst(2)
        .flatMap { $0.split(separator: ",").compactMap { Double($0) } }
    }
    for family in ["llama", "gpt2"] as [JSON] {
      let whole = try await train(["batch": 6, "family": family])
      for part in [1, 2, 3] {
        let parts = try await train(["batch": 6, "micro_batch": .integer(Int64(part)), "family": family])
        for (a, b) in zip(try updates(whole), try updates(parts)) { #expect(abs(a - b) <= 1e-6 * abs(a)) }
      }
      let one = try await train(["batch": 6, "micro_batch": 6, "family": family])
      #expect(try one.digests == whole.digests)
    }
  }

  @Test func `Progress tells step, loss, speed and the time to the checkpoint`() throws {
    var progress = LMProgress(updates: 101...200, tokens: 512)
    func report(_ step: Int, _ seconds: Double) -> (fraction: Double, text: String)? {
      progress.report(
        after: .init(step: step, loss: 2.34567, learningRate: 1, gradientNorm: 1), seconds: seconds)
    }
    #expect(report(101, 0.05) == nil)
    let half = try #require(report(150, 70))
    #expect(half.fraction == 0.5)
    #expect(half.text == "step 150/200, loss 2.346, 365 tokens/s, 1:10 to the checkpoint")
    #expect(report(151, 70.05) == nil)
    #expect(report(200, 70.06)?.fraction == 1)
  }

  // MARK: Checkpoints

  @Test func `Losses of a checkpoint are those of its tokens in windows`() async throws {
    let checkpoint = try #require(try await Training(["steps": 1]).links[0].bytes("checkpoints"))
    let inputs: [String: [(key: String?, bytes: [UInt8])]] = [
      "checkpoint": [(nil, checkpoint)], "tokens": [(nil, Training.tokens)],
    ]
    func losses(_ parameters: [String: JSON]) async throws -> [Float] {
      let run = try await OperationRun(try operation("lm.losses"), parameters, inputs: inputs)
      let values: [Float] = try SafetensorsFile(try #require(run.bytes("losses"))).elements(
        "losses", .float32)
      let summary = try JSON(parsing: try #require(run.bytes("summary")))
      #expect(summary["tokens"]?.integer == values.count)
      let mean = values.reduce(0.0) { $0 + Double($1) } / Double(values.count)
      #expect(abs(try #require(summary["mean_loss"]?.double) - mean) < 1e-12)
      return values
    }
    let all = try await losses([:])
    #expect(all.count == 599 && all.allSatisfy { $0.isFinite && $0 > 0 })
    #expect(try await losses(["tokens": 20]) == Array(all[..<20]))
    // The first token of a window has nothing before it.
    let short = try await losses(["context": 4])
    #expect(short[0] == all[0] && short[4] != all[4])
    await #expect(throws: Failure.self) { _ = try await losses(["context": 9]) }
  }

  @Test func `A checkpoint says which model it is of`() async throws {
    let checkpoint = try #require(try await Training(["steps": 1]).links[0].bytes("checkpoints"))
    let run = try await OperationRun(try operation("lm.info"), inputs: ["checkpoint": [(nil, checkpoint)]])
    let info = try JSON(parsing: try #require(run.bytes("info")))
    // 4 x 8 x 8 + 3 x 8 x 12, and 17 x 8 of the embedding.
    #expect(info["non_embedding_parameters"]?.integer == 544 && info["parameters"]?.integer == 680)
    #expect(info["config"]?["num_attention_heads"] == 2)
    #expect(info["tensors"]?["model.layers.0.mlp.down_proj.weight"]?["shape"] == [8, 12])
    await #expect(throws: (any Error).self) {
      _ = try await OperationRun(
        try operation("lm.info"), inputs: ["checkpoint": [(nil, Training.tokens)]])
    }
  }
}
