import JSON
import Safetensors
import System
import Testing

@testable import Compute

@Suite struct `Model configurations` {
  @Test(arguments: ModelSamples.all)
  func `A configuration is read back as it was written`(model: ModelConfiguration) throws {
    #expect(try ModelConfiguration(json: model.json) == model)
  }

  @Test func `The rotated part of a head is read back whatever it is`() throws {
    var model = ModelSamples.neox
    model.heads = 1
    for head in 2...256 {
      model.headDimension = head
      model.width = head
      for rotary in stride(from: 0, through: head, by: 2) {
        model.rotary = rotary
        #expect(try ModelConfiguration(json: model.json).rotary == rotary)
      }
    }
  }

  @Test func `The paper's smallest model has 14 319 616 parameters`() throws {
    let model = try ModelConfiguration.standard(
      .llama, vocabulary: 50_304, width: 256, layers: 4, heads: 4, inner: 128, context: 1024)
    #expect(ParameterLayout(model).count == 14_319_616)
  }

  static let llama: [String: JSON] = [
    "model_type": "llama", "vocab_size": 19, "hidden_size": 8, "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 12, "max_position_embeddings": 8,
  ]

  @Test func `A Mistral is a Llama unless its window is shorter than its context`() throws {
    var json = Self.llama
    let llama = try ModelConfiguration(json: .object(json))
    json["model_type"] = "mistral"
    for window in [nil, .null, 8, 4096] as [JSON?] {
      json["sliding_window"] = window
      #expect(try ModelConfiguration(json: .object(json)) == llama)
    }
    json["sliding_window"] = 4
    let mistral = try ModelConfiguration(json: .object(json))
    #expect(mistral.window == 4 && mistral.context == 8 && mistral.json["model_type"] == "mistral")
    for window in [0, -1] as [JSON] {
      json["sliding_window"] = window
      #expect(throws: Failure.self) { try ModelConfiguration(json: .object(json)) }
    }
  }

  @Test(
    arguments: [
      ("qwen2", "use_sliding_window", true), ("qwen3", "use_sliding_window", true),
      ("qwen3", "layer_types", ["full_attention", "sliding_attention"]), ("qwen3", "attention_bias", true),
      ("qwen3", "norm_affine", false), ("qwen3", "head_dim", 3), ("qwen3", "hidden_act", "gelu"),
      ("olmo2", "norm_affine", false), ("olmo2", "attention_bias", true), ("olmo2", "hidden_act", "relu"),
      ("gemma", "norm_affine", false), ("gemma", "hidden_act", "silu"),
      ("gemma", "hidden_activation", "gelu"),
      ("gemma", "use_bidirectional_attention", true), ("gemma", "attention_bias", true),
      ("gemma2", "query_pre_attn_scalar", 256), ("gemma3_text", "sliding_window", 8),
    ] as [(String, String, JSON)])
  func `What would change a family's computation is refused`(type: String, name: String, value: JSON) throws {
    var members = Self.llama
    members["model_type"] = .string(type)
    members[name] = value
    #expect(throws: Failure.self) { try ModelConfiguration(json: .object(members)) }
  }

  @Test func `What a file does not say has the default of its family`() throws {
    func model(_ type: String) throws -> ModelConfiguration {
      var members = Self.llama
      members["model_type"] = .string(type)
      members["hidden_activation"] = .null
      return try ModelConfiguration(json: .object(members))
    }
    let (qwen, olmo, gemma) = (try model("qwen3"), try model("olmo2"), try model("gemma"))
    #expect(qwen.headDimension == 128 && !qwen.isTied && qwen.normEpsilon == 1e-6)
    #expect(olmo.headDimension == 4 && !olmo.isTied && olmo.normEpsilon == 1e-5)
    #expect(gemma.headDimension == 256 && gemma.isTied && gemma.activation == .geglu)
  }

  @Test func `Parts of several families together are refused`() {
    func refuses(_ model: ModelConfiguration, _ change: (inout ModelConfiguration) -> Void) -> Bool {
      var model = model
      change(&model)
      return (try? model.validated()) == nil
    }
    #expect(!refuses(ModelSamples.llama) { _ in })
    #expect(refuses(ModelSamples.llama) { $0.norms = .after })
    #expect(refuses(ModelSamples.llama) { $0.activation = .geglu })
    #expect(refuses(ModelSamples.olmo2) { $0.hasNormWeights = false })
    #expect(refuses(ModelSamples.qwen3) { $0.window = 3 })
    #expect(refuses(ModelSamples.mistral) { $0.window = 9 })
    #expect(refuses(ModelSamples.gpt2) { $0.isEmbeddingScaled = true })
    #expect(refuses(ModelSamples.neox) { $0.queryKeyNorm = .head })
  }

  @Test(
    arguments: [
      ("model_type", "mamba"), ("model_type", 3), ("vocab_size", 0), ("vocab_size", 4_000_000_000),
      ("vocab_size", "19"),
      ("hidden_size", -8), ("hidden_size", 9_223_372_036_854_775_807), ("hidden_size", nil),
      ("num_hidden_layers", 100_000), ("num_hidden_layers", 1.5), ("num_attention_heads", 0),
      ("num_attention_heads", 9_223_372_036_854_775_807), ("num_key_value_heads", 3),
      ("num_key_value_heads", 0),
      ("intermediate_size", 1_000_000_000), ("max_position_embeddings", 0), ("head_dim", 3),
      ("head_dim", 100_000),
      ("rms_norm_eps", 0), ("rms_norm_eps", 1e300), ("rope_theta", -1), ("hidden_act", "relu"),
      ("mlp_bias", true),
      ("attention_bias", "no"), ("rope_scaling", ["rope_type": "yarn", "factor": 4]),
      ("rope_scaling", ["type": "dynamic", "factor": 2]),
      ("rope_scaling", ["type": "linear", "factor": 0.5]),
      ("rope_scaling", ["rope_type": "llama3", "factor": 8]),
    ] as [(String, JSON)])
  func `Absurd and unsupported values are refused`(name: String, value: JSON) {
    var members = Self.llama
    members[name] = value
    #expect(throws: Failure.self) { try ModelConfiguration(json: .object(members)) }
  }

  @Test func `Models that are too large as a whole are refused`() {
    var members = Self.llama
    members.merge(["hidden_size": 32_768, "intermediate_size": 262_144, "num_hidden_layers": 1000]) { $1 }
    #expect(throws: Failure.self) { try ModelConfiguration(json: .object(members)) }
    #expect(throws: Failure.self) { try ModelConfiguration(parsing: Array("{".utf8)) }
    for type in ["gpt2", "gpt_neox"] {
      let huge: JSON = 9_223_372_036_854_775_807
      let names = [
        "vocab_size", "n_embd", "n_layer", "n_head", "n_positions", "hidden_size", "num_hidden_layers",
        "num_attention_heads", "intermediate_size", "max_position_embeddings",
      ]
      for one in names {
        var members = Dictionary(uniqueKeysWithValues: names.map { ($0, JSON.integer(1)) })
        members.merge(["model_type": .string(type), one: huge]) { $1 }
        _ = try? ModelConfiguration(json: .object(members))
      }
      let all = Dictionary(uniqueKeysWithValues: names.map { ($0, huge) })
      #expect(throws: Failure.self) {
        try ModelConfiguration(json: .object(all.merging(["model_type": .string(type)]) { $1 }))
      }
    }
  }

  @Test(arguments: ModelSamples.all)
  func `Weights are read back as they were written`(model: ModelConfiguration) throws {
    let weights = ModelSamples.weights(model)
    let bytes = try weights.bytes()
    let read = try Parameters(model, from: SafetensorsFile(bytes))
    #expect(read.array == weights.array)
    #expect(try read.bytes() == bytes)
  }

  private static func file(
    _ tensors: [(name: String, dtype: DType, shape: [Int])]
  ) throws -> SafetensorsFile {
    var bytes: [UInt8] = []
    try SafetensorsWriter(tensors).write(
      { tensor, emit in try [UInt8](repeating: 0x3F, count: tensor.size).withUnsafeBytes(emit) },
      to: { bytes += $0 })
    return try SafetensorsFile(bytes)
  }

  @Test func `Weights of another model are refused, and what derives from them is passed over`() throws {
    let model = ModelSamples.olmo
    let right = ParameterLayout(model).parameters.map {
      (name: $0.name, dtype: DType.bfloat16, shape: $0.shape)
    }
    let weights = try Parameters(model, from: Self.file(right + [("lm_head.weight", .bfloat16, [19, 8])]))
    #expect(weights.values.allSatisfy { $0 == Float(bitPattern: 0x3F3F_0000) })

    #expect(throws: Failure.self) { try Parameters(model, from: Self.file(Array(right.dropFirst()))) }
    #expect(throws: Failure.self) {
      try Parameters(model, from: Self.file(right + [("model.norm.weight", .float32, [8])]))
    }
    var wrong = right
    wrong[2].shape = wrong[2].shape.reversed() + [1]
    #expect(throws: Failure.self) { try Parameters(model, from: Self.file(wrong)) }
    wrong = right
    wrong[0].dtype = .int16
    #expect(throws: Failure.self) { try Parameters(model, from: Self.file(wrong)) }
  }
}
