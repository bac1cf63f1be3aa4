/// Families that are a Llama but for some parts, by their `model_type`.
enum LlamaVariant: String, CaseIterable {
  case llama
  /// Tokens see no further back than a window (Jiang et al. 2023, arXiv 2310.06825).
  case mistral
  /// Biases of queries, keys and values (Yang et al. 2024, arXiv 2407.10671).
  case qwen2
  /// RMSNorm over each head's queries and keys (Yang et al. 2025, arXiv 2505.09388).
  case qwen3
  /// Norms behind attention and feed-forward, RMSNorm over all queries and over all keys (OLMo et al. 2025, arXiv
  /// 2501.00656).
  case olmo2
  /// Scaled embeddings, weights of norms that count from 1, GELU in the gate (Mesnard et al. 2024, arXiv 2403.08295).
  case gemma

  struct Features: Hashable {
    var hasAttentionBiases = false
    var queryKeyNorm: ModelConfiguration.QueryKeyNorm?
    var norms = ModelConfiguration.NormPlacement.before
    var hasNormWeightsFromOne = false
    var isEmbeddingScaled = false
    var activation = ModelConfiguration.Activation.swiglu
    var hasWindow = false
  }

  var features: Features {
    switch self {
    case .llama: Features()
    case .mistral: Features(hasWindow: true)
    case .qwen2: Features(hasAttentionBiases: true)
    case .qwen3: Features(queryKeyNorm: .head)
    case .olmo2: Features(queryKeyNorm: .all, norms: .after)
    case .gemma: Features(hasNormWeightsFromOne: true, isEmbeddingScaled: true, activation: .geglu)
    }
  }

  /// The class of the transformers library.
  var architecture: String {
    switch self {
    case .llama: "LlamaForCausalLM"
    case .mistral: "MistralForCausalLM"
    case .qwen2: "Qwen2ForCausalLM"
    case .qwen3: "Qwen3ForCausalLM"
    case .olmo2: "Olmo2ForCausalLM"
    case .gemma: "GemmaForCausalLM"
    }
  }

  /// Nil if no family has these parts together.
  init?(_ features: Features) {
    guard let variant = Self.allCases.first(where: { $0.features == features }) else { return nil }
    self = variant
  }
}

extension ModelConfiguration {
  /// What it has that a plain Llama has not.
  var features: LlamaVariant.Features {
    LlamaVariant.Features(
      hasAttentionBiases: hasAttentionBiases, queryKeyNorm: queryKeyNorm, norms: norms,
      hasNormWeightsFromOne: hasNormWeightsFromOne, isEmbeddingScaled: isEmbeddingScaled,
      activation: activation, hasWindow: window != nil)
  }
}
