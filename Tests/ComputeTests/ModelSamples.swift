import JSON

@testable import Compute

/// Tiny models of every family, with weights and tokens of a seed.
enum ModelSamples {
  static let llama = configuration(
    """
    {"model_type": "llama", "vocab_size": 19, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 4,
     "num_key_value_heads": 2, "intermediate_size": 12, "max_position_embeddings": 8, "rms_norm_eps": 1e-5,
     "tie_word_embeddings": false}
    """)
  static let olmo = configuration(
    """
    {"model_type": "llama", "vocab_size": 19, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2,
     "intermediate_size": 12, "max_position_embeddings": 8, "rms_norm_eps": 1e-5, "tie_word_embeddings": true,
     "norm_affine": false}
    """)
  static let layerNormOlmo = configuration(
    """
    {"model_type": "olmo", "vocab_size": 19, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 4,
     "num_key_value_heads": 2, "intermediate_size": 12, "max_position_embeddings": 8, "tie_word_embeddings": false}
    """)
  /// With as many parameters as averages over them need.
  static let wide = configuration(
    """
    {"model_type": "llama", "vocab_size": 61, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
     "intermediate_size": 48, "max_position_embeddings": 16, "rms_norm_eps": 1e-5, "tie_word_embeddings": true,
     "norm_affine": false}
    """)
  /// With tensors of more values than a sum is cut at.
  static let thick = configuration(
    """
    {"model_type": "llama", "vocab_size": 11, "hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
     "intermediate_size": 2100, "max_position_embeddings": 4, "rms_norm_eps": 1e-5, "tie_word_embeddings": true,
     "norm_affine": false}
    """)
  static let gpt2 = configuration(
    """
    {"model_type": "gpt2", "vocab_size": 19, "n_embd": 8, "n_layer": 2, "n_head": 2, "n_positions": 8}
    """)
  static let neox = configuration(
    """
    {"model_type": "gpt_neox", "vocab_size": 19, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2,
     "intermediate_size": 20, "max_position_embeddings": 8, "rotary_pct": 0.25, "hidden_act": "gelu"}
    """)
  /// Biases of queries, keys and values, and slower rotations.
  static let qwen = configuration(
    """
    {"model_type": "qwen2", "vocab_size": 19, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 4,
     "num_key_value_heads": 2, "intermediate_size": 12, "max_position_embeddings": 8, "tie_word_embeddings": true,
     "rope_scaling": {"rope_type": "linear", "factor": 2}}
    """)
  /// Norms of each head's queries and keys, and heads that are wider than the residual stream has room for.
  static let qwen3 = configuration(
    """
    {"model_type": "qwen3", "vocab_size": 19, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 4,
     "num_key_value_heads": 2, "head_dim": 6, "intermediate_size": 12, "max_position_embeddings": 8,
     "tie_word_embeddings": true}
    """)
  /// Norms behind, and over all queries and all keys.
  static let olmo2 = configuration(
    """
    {"model_type": "olmo2", "vocab_size": 19, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 4,
     "num_key_value_heads": 2, "intermediate_size": 12, "max_position_embeddings": 8}
    """)
  /// Scaled embeddings, weights of norms that count from one, a gate of GELU.
  static let gemma = configuration(
    """
    {"model_type": "gemma", "vocab_size": 19, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2,
     "num_key_value_heads": 1, "head_dim": 6, "intermediate_size": 12, "max_position_embeddings": 8}
    """)
  /// Tokens that see themselves and the two before them.
  static let mistral = configuration(
    """
    {"model_type": "mistral", "vocab_size": 19, "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2,
     "num_key_value_heads": 1, "intermediate_size": 12, "max_position_embeddings": 8, "sliding_window": 3}
    """)
  static let all = [llama, olmo, layerNormOlmo, gpt2, neox, qwen, qwen3, olmo2, gemma, mistral]

  /// Threads that share even the work of these models.
  static func busyThreads(_ count: Int) -> Threads { Threads(count, leastWork: 1, valuesOfPiece: 64) }

  static func configuration(_ text: String) -> ModelConfiguration {
    try! ModelConfiguration(parsing: Array(text.utf8))
  }

  /// Large enough that every parameter matters: also norms and biases are away from where they start.
  static func weights(_ model: ModelConfiguration, seed: UInt64 = 5) -> Parameters {
    let weights = Initialisation.normal(deviation: 0.3).weights(model, seed: seed, threads: Threads(1))
    let random = Philox(seed: seed)
    for (stream, parameter) in weights.layout.parameters.enumerated() where parameter.shape.count == 1 {
      for i in 0..<parameter.count {
        weights[parameter][i] += Float(
          0.2 * random.normals(stream: 1000 + UInt32(stream), index: UInt64(i)).0)
      }
    }
    return weights
  }

  static func batch(_ model: ModelConfiguration, sequences: Int = 2, length: Int = 6, seed: UInt64 = 9)
    -> TokenBatch
  {
    let random = Philox(seed: seed)
    func tokens(_ stream: UInt32) -> [Int32] {
      (0..<sequences * length).map {
        Int32(random.number(below: model.vocabulary, stream: stream, index: UInt64($0)))
      }
    }
    return try! TokenBatch(sequences: sequences, length: length, inputs: tokens(0), targets: tokens(1))
  }

  /// 3 sequences of 7 tokens, with repeated ones, and the one at place 10 without a loss.
  static func unevenBatch(_ model: ModelConfiguration) throws -> TokenBatch {
    let batch = batch(model, sequences: 3, length: 7)
    var (inputs, targets) = (batch.inputs, batch.targets)
    inputs[4] = inputs[1]
    targets[10] = -1
    return try TokenBatch(sequences: 3, length: 7, inputs: inputs, targets: targets)
  }
}

extension Parameters {
  var array: [Float] { Array(values) }

  func bytes() throws -> [UInt8] {
    var bytes: [UInt8] = []
    try write { bytes += $0 }
    return bytes
  }
}
