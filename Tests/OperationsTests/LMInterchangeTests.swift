import Artefacts
import Compute
import Foundation
import JSON
import Operations
import Safetensors
import System
import Testing

@testable import Actions

/// Tiny models as transformers would leave them in a folder.
enum Interchange {
  static let configurations: [String: JSON] = [
    "llama": [
      "model_type": "llama", "vocab_size": 17, "hidden_size": 8, "num_hidden_layers": 2,
      "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 12,
      "max_position_embeddings": 8, "tie_word_embeddings": false, "rope_theta": 500.0,
    ],
    "olmo": [
      "model_type": "olmo", "vocab_size": 17, "hidden_size": 8, "num_hidden_layers": 2,
      "num_attention_heads": 2, "intermediate_size": 12, "max_position_embeddings": 8,
      "tie_word_embeddings": true, "clip_qkv": nil,
    ],
    "qwen3": [
      "model_type": "qwen3", "vocab_size": 17, "hidden_size": 8, "num_hidden_layers": 2,
      "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 6, "intermediate_size": 12,
      "max_position_embeddings": 8,
    ],
    "olmo2": [
      "model_type": "olmo2", "vocab_size": 17, "hidden_size": 8, "num_hidden_layers": 2,
      "num_attention_heads": 2, "intermediate_size": 12, "max_position_embeddings": 8,
    ],
    "gemma": [
      "model_type": "gemma", "vocab_size": 17, "hidden_size": 8, "num_hidden_layers": 2,
      "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 6, "intermediate_size": 12,
      "max_position_embeddings": 8,
    ],
    "mistral": [
      "model_type": "mistral", "vocab_size": 17, "hidden_size": 8, "num_hidden_layers": 2,
      "num_attention_heads": 2, "intermediate_size": 12, "max_position_embeddings": 8, "sliding_window": 3,
    ],
    "gpt2": [
      "model_type": "gpt2", "vocab_size": 17, "n_embd": 8, "n_layer": 2, "n_head": 2, "n_positions": 8,
    ],
    "gpt_neox": [
      "model_type": "gpt_neox", "vocab_size": 17, "hidden_size": 16, "num_hidden_layers": 2,
      "num_attention_heads": 2, "intermediate_size": 20, "max_position_embeddings": 8, "rotary_pct": 0.25,
    ],
  ]

  struct Tensor {
    var name: String
    var shape: [Int]
    var values: [Double]
  }

  /// Weights of a model that are exact in every type.
  static func tensors(_ configuration: JSON) throws -> [Tensor] {
    let weights = Initialisation.normal(deviation: 0.3)
      .weights(try ModelConfiguration(json: configuration), seed: 4, threads: Threads(1))
    return weights.layout.parameters.map { parameter in
      Tensor(
        name: parameter.name, shape: parameter.shape,
        values: weights[parameter].map { (Double($0) * 64).rounded() / 64 })
    }
  }

  /// A safetensors file with the values in another type.
  static func file(_ tensors: [Tensor], _ dtype: DType) throws -> [UInt8] {
    var bytes: [UInt8] = []
    let values = Dictionary(uniqueKeysWithValues: tensors.map { ($0.name, $0.values) })
    try SafetensorsWriter(tensors.map { ($0.name, dtype, $0.shape) }).write(
      { tensor, emit in
        for value in values[tensor.name] ?? [] {
          switch dtype {
          case .float64: try withUnsafeBytes(of: value, emit)
          case .float32: try withUnsafeBytes(of: Float(value), emit)
          case .float16: try withUnsafeBytes(of: Float16(value), emit)
          default: try withUnsafeBytes(of: UInt16(Float(value).bitPattern >> 16), emit)
          }
        }
      }, to: { bytes += $0 })
    return bytes
  }

  static func folder(_ family: String, _ dtype: DType) throws -> [String: [UInt8]] {
    let configuration = try #require(configurations[family])
    return [
      "config.json": configuration.canonicalBytes,
      "model.safetensors": try file(tensors(configuration), dtype),
    ]
  }

  /// A checkpoint of a model of bytes.
  static var byteModel: [UInt8] {
    get async throws {
      var members = try #require(configurations["gpt2"]?.object)
      members["vocab_size"] = 256
      let configuration = JSON.object(members)
      return try await imported([
        "config.json": configuration.canonicalBytes,
        "model.safetensors": try file(tensors(configuration), .float32),
      ])
    }
  }

  static func operation(_ name: String) throws -> any Actions.Operation {
    try #require(Operations.all.first { $0.name == name })
  }

  static func imported(_ folder: [String: [UInt8]]) async throws -> [UInt8] {
    let run = try await OperationRun(operation("lm.import"), folders: ["model": folder])
    return try #require(run.bytes("checkpoint"))
  }

  static func exported(_ checkpoint: [UInt8]) async throws -> [String: [UInt8]] {
    let run = try await OperationRun(operation("lm.export"), inputs: ["checkpoint": [(nil, checkpoint)]])
    return [
      "config.json": try #require(run.bytes("model", file: "config.json")),
      "model.safetensors": try #require(run.bytes("model", file: "model.safetensors")),
    ]
  }

  static func losses(_ checkpoint: [UInt8]) async throws -> [UInt8] {
    let run = try await OperationRun(
      operation("lm.losses"), inputs: ["checkpoint": [(nil, checkpoint)], "tokens": [(nil, Training.tokens)]])
    return try #require(run.bytes("losses"))
  }
}

@Suite struct LMInterchangeTests {
  @Test(arguments: Interchange.configurations.keys.sorted())
  func `Weights of every float type give the same checkpoint, and come back from an export`(
    family: String
  ) async throws {
    let checkpoint = try await Interchange.imported(Interchange.folder(family, .float32))
    for dtype in [DType.float64, .float16, .bfloat16] {
      #expect(try await Interchange.imported(Interchange.folder(family, dtype)) == checkpoint)
    }
    let again = try await Interchange.imported(Interchange.exported(checkpoint))
    #expect(again == checkpoint)
    #expect(try await Interchange.losses(again) == Interchange.losses(checkpoint))
  }

  @Test func `Norms without weights have ones in an export, and none after an import`() async throws {
    let checkpoint = try #require(try await Training(["steps": 1]).links[0].bytes("checkpoints"))
    var folder = try await Interchange.exported(checkpoint)
    let file = try SafetensorsFile(try #require(folder["model.safetensors"]))
    #expect(try file.elements("model.norm.weight", .float32) == [Float](repeating: 1, count: 8))
    #expect(file.header.metadata["format"] == "pt")
    #expect(try await Interchange.imported(folder) == checkpoint)

    // Read as a reader does that knows nothing of norm_affine.
    let text = try #require(folder["config.json"])
    var configuration = try #require(JSON(parsing: text).object)
    configuration["norm_affine"] = nil
    folder["config.json"] = JSON.object(configuration).canonicalBytes
    let affine = try await Interchange.imported(folder)
    #expect(affine != checkpoint)
    #expect(try await Interchange.losses(affine) == Interchange.losses(checkpoint))
  }

  @Test func `Shards, names of base models and tensors that follow from others are understood`() async throws
  {
    let configuration = try #require(Interchange.configurations["gpt2"])
    let whole = try await Interchange.imported(Interchange.folder("gpt2", .float32))
    var tensors = try Interchange.tensors(configuration)
    for index in tensors.indices { tensors[index].name = String(tensors[index].name.dropFirst(12)) }
    var head = tensors[0]
    head.name = "lm_head.weight"
    let mask = Interchange.Tensor(name: "h.0.attn.bias", shape: [1, 1, 2, 2], values: [1, 0, 1, 1])
    let first = Array(tensors[..<5]) + [mask]
    let second = tensors[5...] + [head]
    let map = Dictionary(
      uniqueKeysWithValues: first.map { ($0.name, JSON.string("model-1.safetensors")) }
        + second.map { ($0.name, .string("model-2.safetensors")) })
    let sharded = try await Interchange.imported([
      "config.json": configuration.canonicalBytes,
      "model.safetensors.index.json": (["weight_map": .object(map)] as JSON).canonicalBytes,
      "model-1.safetensors": try Interchange.file(first, .float32),
      "model-2.safetensors": try Interchange.file(Array(second), .float32),
      "README.md": Array("A model".utf8),
    ])
    #expect(sharded == whole)
  }

  /// A GPT-2 whose weights are those of the fixtures that PyTorch wrote: element k of tensor i is
  /// ((7 k + 13 i) mod 41 - 20) / 64, in the order that transformers has the tensors in.
  private static func known() throws -> (configuration: [UInt8], checkpoint: [String: [UInt8]]) {
    let configuration = try #require(Interchange.configurations["gpt2"])
    let tensors = try Interchange.tensors(configuration).enumerated().map { index, tensor in
      Interchange.Tensor(
        name: tensor.name, shape: tensor.shape,
        values: tensor.values.indices.map { Double((7 * $0 + 13 * index) % 41 - 20) / 64 })
    }
    return (
      configuration.canonicalBytes,
      [
        "config.json": configuration.canonicalBytes,
        "model.safetensors": try Interchange.file(tensors, .float32),
      ]
    )
  }

  private static func fixture(_ name: String) throws -> [UInt8] {
    let tests = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    return Array(try Data(contentsOf: tests.appending(path: "TorchFilesTests/fixtures/\(name)")))
  }

  @Test func `No entry is proposed for a tensor too many in a file whose names are known`() async throws {
    let configuration = try #require(Interchange.configurations["gpt2"])
    var tensors = try Interchange.tensors(configuration)
    tensors.append(
      Interchange.Tensor(name: "h.61." + tensors[0].name, shape: tensors[0].shape, values: tensors[0].values))
    let folder = [
      "config.json": configuration.canonicalBytes,
      "model.safetensors": try Interchange.file(tensors, .float32),
    ]
    let failure = await #expect(throws: Failure.self) { try await Interchange.imported(folder) }
    #expect(failure?.headline.contains("the model has no parameter") == true && failure?.hint == nil)
  }

  @Test func `Weights that PyTorch wrote are read, whole, in shards and from a training's checkpoint`()
    async throws
  {
    let (configuration, folder) = try Self.known()
    let expected = try await Interchange.imported(folder)
    var shards = ["config.json": configuration]
    for name in ["-00001-of-00002.bin", "-00002-of-00002.bin", ".bin.index.json"] {
      shards["pytorch_model" + name] = try Self.fixture("shards/pytorch_model" + name)
    }
    #expect(try await Interchange.imported(shards) == expected)

    func nanoGPT(_ changes: [String: JSON]) async throws -> [UInt8]? {
      let settings: [String: JSON] = [
        "weights": "ckpt.pt", "entry": "model", "names": ["_orig_mod.": ""],
        "transposed": ["attn.c_attn.weight", "attn.c_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight"],
      ]
      return try await OperationRun(
        Interchange.operation("lm.import"), settings.merging(changes) { $1 },
        folders: ["model": ["config.json": configuration, "ckpt.pt": try Self.fixture("nanogpt.pt")]]
      ).bytes("checkpoint")
    }
    #expect(try await nanoGPT([:]) == expected)
    let untold = await #expect(throws: Failure.self) { try await nanoGPT(["transposed": []]) }
    #expect(untold?.hint?.contains("'transposed'") == true)
    let nested = await #expect(throws: Failure.self) { try await nanoGPT(["entry": "", "names": [:]]) }
    #expect(
      nested?.hint?.hasSuffix("such as entry: model._orig_mod") == true, "\(String(describing: nested))")
    for wrong in [["names": [:]], ["entry": ""], ["entry": "optimiser"], ["weights": "other.pt"]]
      as [[String: JSON]]
    {
      await #expect(throws: Failure.self) { try await nanoGPT(wrong) }
    }
    #expect(throws: ParameterError.self) {
      try ParameterValues(["weights": "../x"], declarations: Interchange.operation("lm.import").parameters)
    }
  }

  @Test func `Numbers in half precision keep their value`() async throws {
    let configuration = try #require(Interchange.configurations["gpt2"])
    var tensors = try Interchange.tensors(configuration)
    let values = [0, -0.0, 1, -2, 65504, 0x1p-14, 0x1p-24, -0x3FFp-24]
    tensors[1].values.replaceSubrange(0..<8, with: values)
    let checkpoint = try await Interchange.imported([
      "config.json": configuration.canonicalBytes, "model.safetensors": Interchange.file(tensors, .float16),
    ])
    let read: [Float] = try SafetensorsFile(checkpoint).elements(tensors[1].name, .float32)
    #expect(read[..<8].map(\.bitPattern) == values.map { Float($0).bitPattern })
  }

  // MARK: What is refused

  private func refusal(_ folder: [String: [UInt8]]) async throws -> String {
    let error = await #expect(throws: (any Error).self) { _ = try await Interchange.imported(folder) }
    return String(describing: try #require(error))
  }

  @Test func `A folder without what a model needs is refused, and what is missing named`() async throws {
    let folder = try Interchange.folder("llama", .float32)
    func without(_ name: String) -> [String: [UInt8]] { folder.filter { $0.key != name } }
    #expect(try await refusal(without("config.json")).contains("config.json"))
    let missing = try await refusal(
      without("model.safetensors").merging(["pytorch_model.bin": [1]]) { $1 })
    #expect(missing.contains("too few"))
    await #expect(throws: Failure.self) {
      _ = try await OperationRun(
        Interchange.operation("lm.import"), inputs: ["model": [(nil, Array("{}".utf8))]])
    }
  }

  @Test(
    arguments: [
      "../model.safetensors", "/etc/model.safetensors", "", "model.bin", "absent.safetensors", 3,
    ] as [JSON])
  func `Shards that are not files of the folder are refused`(name: JSON) async throws {
    let folder = try Interchange.folder("llama", .float32)
    #expect(
      try await refusal([
        "config.json": try #require(folder["config.json"]), "x.safetensors": [],
        "model.safetensors.index.json": (["weight_map": ["a": name]] as JSON).canonicalBytes,
      ]).contains("model.safetensors.index.json names"))
  }

  @Test(
    arguments: [
      ("llama", "rope_scaling", ["type": "yarn", "factor": 2], "yarn"),
      ("llama", "model_type", "gemma2", "gemma2"), ("qwen3", "model_type", "llama", "_norm"),
      ("olmo2", "model_type", "llama", "norm"), ("qwen3", "head_dim", 4, "shape"),
      ("llama", "vocab_size", 1_000_000, "too few"), ("gpt2", "n_layer", 3, "transformer.h.2"),
      ("gpt2", "n_positions", 4, "shape"), ("llama", "tie_word_embeddings", true, "given twice"),
    ] as [(String, String, JSON, String)])
  func `A configuration that is not supported or not that of the weights is refused`(
    family: String, name: String, value: JSON, part: String
  ) async throws {
    var folder = try Interchange.folder(family, .float32)
    var members = try #require(Interchange.configurations[family]?.object)
    members[name] = value
    folder["config.json"] = JSON.object(members).canonicalBytes
    #expect(try await refusal(folder).contains(part))
  }

  @Test func `A damaged folder is refused or read, whatever the damage`() async throws {
    let folder = try Interchange.folder("gpt_neox", .float16)
    let names = folder.keys.sorted()
    let random = Philox(seed: 8)
    var refused = 0
    for index in 0..<18 {
      func number(below count: Int, _ stream: UInt32) -> Int {
        random.number(below: count, stream: stream, index: UInt64(index))
      }
      var damaged = folder
      let name = names[index % names.count]
      var bytes = try #require(folder[name])
      let place = number(below: min(bytes.count, 600), 1)
      if index % 6 < 2 { bytes.removeSubrange(place...) } else { bytes[place] = UInt8(number(below: 256, 2)) }
      damaged[name] = bytes
      do { _ = try await Interchange.imported(damaged) } catch { refused += 1 }
    }
    #expect(refused >= 6, "files that are cut short are never read")
  }

  @Test func `Weights that are not those of a model are refused`() async throws {
    let configuration = try #require(Interchange.configurations["gpt2"])
    let right = try Interchange.tensors(configuration)
    func refusal(_ dtype: DType = .float32, _ change: (inout [Interchange.Tensor]) -> Void) async throws
      -> String
    {
      var tensors = right
      change(&tensors)
      return try await self.refusal([
        "config.json": configuration.canonicalBytes, "model.safetensors": Interchange.file(tensors, dtype),
      ])
    }
    #expect(try await refusal { $0[0].values[3] = .nan }.contains("transformer.wte.weight"))
    #expect(try await refusal(.float16) { $0[1].values[3] = 70_000 }.contains("transformer.wpe.weight"))
    #expect(try await refusal(.float64) { $0[1].values[3] = 1e39 }.contains("transformer.wpe.weight"))
    #expect(try await refusal { $0.remove(at: 2) }.contains("transformer.h.0.ln_1.weight"))
    #expect(
      try await refusal { $0.append(.init(name: "extra.weight", shape: [1], values: [1])) }
        .contains("extra.weight"))
    for damage in [[], Array("no safetensors".utf8), [UInt8](repeating: 255, count: 64)] as [[UInt8]] {
      _ = try await self.refusal([
        "config.json": configuration.canonicalBytes, "model.safetensors": damage,
      ])
    }
  }
}
