public import JSON
public import System

/// The form of Hugging Face's `config.json`. What is not there has the default of the transformers library; what would
/// change the computation in a way that is not supported is refused.
extension ModelConfiguration {
  /// - Parameter text: the bytes of a `config.json`.
  public init(parsing text: [UInt8]) throws(Failure) {
    let json: JSON
    do { json = try JSON(parsing: text) } catch {
      throw Failure(.malformed, "the model's configuration is not JSON: \(error)")
    }
    try self.init(json: json)
  }

  public init(json: JSON) throws(Failure) {
    let type = try json.text("model_type")
    if let variant = LlamaVariant(rawValue: type) {
      self = try ModelConfiguration.llama(json, variant).validated()
      return
    }
    guard let family = Family(rawValue: type) else {
      throw Failure(
        .unusable, "the model type \"\(type)\" is not supported",
        hint: "supported are \(Self.types.joined(separator: ", "))")
    }
    switch family {
    case .llama: self = try ModelConfiguration.llama(json, .llama)
    case .olmo: self = try ModelConfiguration.olmo(json)
    case .gpt2: self = try ModelConfiguration.gpt2(json)
    case .neox: self = try ModelConfiguration.neox(json)
    }
    self = try validated()
  }

  /// Each `model_type` that is supported.
  public static let types =
    LlamaVariant.allCases.map(\.rawValue) + Family.allCases.filter { $0 != .llama }.map(\.rawValue)

  private static func llama(_ json: JSON, _ variant: LlamaVariant) throws(Failure) -> ModelConfiguration {
    try json.refuse("attention_bias", unless: false)
    try json.refuse("mlp_bias", unless: false)
    let activation = try json.activation(
      "hidden_act", variant.activations, default: variant.defaultActivation)
    let width = try json.whole("hidden_size")
    let heads = try json.whole("num_attention_heads")
    let head =
      try json.optionalWhole("head_dim") ?? variant.defaultHeadDimension ?? (heads > 0 ? width / heads : 0)
    var model = ModelConfiguration(
      family: .llama, vocabulary: try json.whole("vocab_size"), width: width,
      layers: try json.whole("num_hidden_layers"), heads: heads,
      keyValueHeads: try json.optionalWhole("num_key_value_heads") ?? heads, headDimension: head,
      inner: try json.whole("intermediate_size"), context: try json.whole("max_position_embeddings"),
      activation: activation,
      normEpsilon: Float(try json.optionalNumber("rms_norm_eps") ?? variant.defaultNormEpsilon),
      hasNormWeights: try json.optionalFlag("norm_affine") ?? true, rotary: head,
      ropeTheta: try json.rope("rope_theta") ?? 10_000, ropeScaling: try json.ropeScaling(),
      isParallel: false,
      isTied: try json.optionalFlag("tie_word_embeddings") ?? (variant == .gemma))
    let features = variant.features
    model.hasAttentionBiases = features.hasAttentionBiases
    model.queryKeyNorm = features.queryKeyNorm
    model.norms = features.norms
    model.hasNormWeightsFromOne = features.hasNormWeightsFromOne
    model.isEmbeddingScaled = features.isEmbeddingScaled
    switch variant {
    case .llama, .olmo2: break
    case .mistral:
      // A window as long as the context is none.
      let window =
        json["sliding_window"] == nil ? defaultWindow : try json.optionalWhole("sliding_window")
      model.window = window.flatMap { $0 < model.context ? $0 : nil }
    case .qwen2, .qwen3:
      try json.refuse("use_sliding_window", unless: false)
      if let types = json["layer_types"]?.array, let other = types.first(where: { $0 != "full_attention" }) {
        throw Failure(.unusable, "layers of the type \(other.canonical) are not supported")
      }
    case .gemma:
      try json.refuse("use_bidirectional_attention", unless: false)
      // The member of files between the first ones and today's.
      if let name = json["hidden_activation"], !name.isNull {
        _ = try json.activation("hidden_activation", ["gelu_pytorch_tanh": .geglu], default: "")
      }
    }
    return model
  }

  /// Of a Mistral that does not say.
  private static let defaultWindow = 4096

  /// Of the OlmoConfig of transformers, whose norm has an epsilon of 1e-5 that no configuration changes.
  private static func olmo(_ json: JSON) throws(Failure) -> ModelConfiguration {
    if let limit = json["clip_qkv"], !limit.isNull {
      throw Failure(.unusable, "a model with \"clip_qkv\": \(limit.canonical) is not supported")
    }
    var model = try llama(json, .llama)
    model.family = .olmo
    model.hasNormWeights = false
    model.normEpsilon = 1e-5
    return model
  }

  private static func gpt2(_ json: JSON) throws(Failure) -> ModelConfiguration {
    try json.refuse("scale_attn_weights", unless: true)
    try json.refuse("scale_attn_by_inverse_layer_idx", unless: false)
    try json.refuse("add_cross_attention", unless: false)
    let width = try json.whole("n_embd")
    let heads = try json.whole("n_head")
    return ModelConfiguration(
      family: .gpt2, vocabulary: try json.whole("vocab_size"), width: width,
      layers: try json.whole("n_layer"),
      heads: heads, keyValueHeads: heads, headDimension: heads > 0 ? width / heads : 0,
      inner: try json.optionalWhole("n_inner") ?? width.multipliedReportingOverflow(by: 4).partialValue,
      context: try json.whole("n_positions"),
      activation: try json.activation("activation_function", gelus, default: "gelu_new"),
      normEpsilon: Float(try json.optionalNumber("layer_norm_epsilon") ?? 1e-5), hasNormWeights: true,
      rotary: 0,
      ropeTheta: 10_000, isParallel: false, isTied: try json.optionalFlag("tie_word_embeddings") ?? true)
  }

  private static func neox(_ json: JSON) throws(Failure) -> ModelConfiguration {
    try json.refuse("attention_bias", unless: true)
    guard try json.ropeScaling() == nil else {
      throw Failure(.unusable, "scaled rotary positions of GPT-NeoX are not supported")
    }
    let width = try json.whole("hidden_size")
    let heads = try json.whole("num_attention_heads")
    let head = heads > 0 ? width / heads : 0
    let (newPart, oldPart) = (try json.rope("partial_rotary_factor"), try json.optionalNumber("rotary_pct"))
    let (newTheta, oldTheta) = (try json.rope("rope_theta"), try json.optionalNumber("rotary_emb_base"))
    let part = newPart ?? oldPart ?? 0.25
    guard (0...1).contains(part) else {
      throw Failure(.malformed, "the rotary part of a head, \(part), is not between 0 and 1")
    }
    return ModelConfiguration(
      family: .neox, vocabulary: try json.whole("vocab_size"), width: width,
      layers: try json.whole("num_hidden_layers"), heads: heads, keyValueHeads: heads, headDimension: head,
      inner: try json.whole("intermediate_size"), context: try json.whole("max_position_embeddings"),
      activation: try json.activation("hidden_act", gelus, default: "gelu"),
      normEpsilon: Float(try json.optionalNumber("layer_norm_eps") ?? 1e-5), hasNormWeights: true,
      rotary: Int(Double(min(head, 1 << 15)) * part),
      ropeTheta: newTheta ?? oldTheta ?? 10_000,
      isParallel: try json.optionalFlag("use_parallel_residual") ?? true,
      isTied: try json.optionalFlag("tie_word_embeddings") ?? false)
  }

  private static let gelus: [String: Activation] = [
    "gelu_new": .geluTanh, "gelu_pytorch_tanh": .geluTanh, "gelu_fast": .geluTanh, "gelu": .geluErf,
  ]

  /// The configuration in the form of `config.json`, from which the transformers library opens the model. It has no
  /// Llama without the weights of its norms; `norm_affine` says so, and a reader that ignores it takes them to be 1.
  public var json: JSON {
    var members: [String: JSON] = [
      "model_type": .string(family.rawValue), "vocab_size": .whole(vocabulary),
      "tie_word_embeddings": .bool(isTied), "torch_dtype": "float32",
    ]
    switch family {
    case .llama, .olmo:
      members.merge(
        [
          "hidden_act": "silu", "hidden_size": .whole(width),
          "num_hidden_layers": .whole(layers), "num_attention_heads": .whole(heads),
          "num_key_value_heads": .whole(keyValueHeads), "intermediate_size": .whole(inner),
          "max_position_embeddings": .whole(context), "rope_theta": .number(ropeTheta),
          "attention_bias": false,
        ], uniquingKeysWith: { $1 })
      let own: [String: JSON] =
        family == .olmo
        ? ["architectures": ["OlmoForCausalLM"]]
        : [
          "architectures": ["LlamaForCausalLM"], "head_dim": .whole(headDimension),
          "rms_norm_eps": decimal(normEpsilon), "mlp_bias": false, "norm_affine": .bool(hasNormWeights),
        ]
      members.merge(own, uniquingKeysWith: { $1 })
      if family == .llama, let variant = LlamaVariant(features), variant != .llama {
        members["model_type"] = .string(variant.rawValue)
        members["architectures"] = [.string(variant.architecture)]
        members["hidden_act"] = .string(variant.defaultActivation)
        if !variant.hasBiasMember { members["attention_bias"] = nil }
        members["mlp_bias"] = nil
        if let window { members["sliding_window"] = .whole(window) }
      }
      if let scaling = ropeScaling?.json { members["rope_scaling"] = scaling }
    case .gpt2:
      members.merge(
        [
          "architectures": ["GPT2LMHeadModel"], "n_embd": .whole(width), "n_layer": .whole(layers),
          "n_head": .whole(heads), "n_inner": .whole(inner), "n_positions": .whole(context),
          "activation_function": activation == .geluErf ? "gelu" : "gelu_new",
          "layer_norm_epsilon": decimal(normEpsilon), "resid_pdrop": 0.0, "embd_pdrop": 0.0,
          "attn_pdrop": 0.0,
        ], uniquingKeysWith: { $1 })
    case .neox:
      members.merge(
        [
          "architectures": ["GPTNeoXForCausalLM"], "hidden_size": .whole(width),
          "num_hidden_layers": .whole(layers), "num_attention_heads": .whole(heads),
          "intermediate_size": .whole(inner), "max_position_embeddings": .whole(context),
          "hidden_act": activation == .geluErf ? "gelu" : "gelu_new", "layer_norm_eps": decimal(normEpsilon),
          "rotary_pct": .number(rotaryPart),
          "rotary_emb_base": .number(ropeTheta),
          "use_parallel_residual": .bool(isParallel), "attention_bias": true,
        ], uniquingKeysWith: { $1 })
    }
    return .object(members)
  }

  /// The part of a head that is rotated. A reader multiplies with the head dimension again and cuts off what is behind
  /// the point.
  private var rotaryPart: Double {
    let part = Double(rotary) / Double(headDimension)
    return Int(part * Double(headDimension)) < rotary ? part.nextUp : part
  }

  /// The double that a reader of the float's shortest decimal form gets.
  private func decimal(_ value: Float) -> JSON { .number(Double(value.description) ?? Double(value)) }
}

extension JSON {
  fileprivate func optionalFlag(_ name: String) throws(Failure) -> Bool? {
    guard let value = self[name], !value.isNull else { return nil }
    return try flag(name)
  }

  fileprivate func refuse(_ name: String, unless expected: Bool) throws(Failure) {
    if let value = try optionalFlag(name), value != expected {
      throw Failure(.unusable, "a model with \"\(name)\": \(value) is not supported")
    }
  }

  fileprivate func activation(
    _ name: String, _ known: [String: ModelConfiguration.Activation], default: String
  ) throws(Failure) -> ModelConfiguration.Activation {
    let text = self[name] == nil ? `default` : try text(name)
    guard let activation = known[text] else {
      throw Failure(
        .unusable, "the activation \"\(text)\" is not supported here",
        hint: "supported are \(known.keys.sorted().joined(separator: ", "))")
    }
    return activation
  }

  /// A number about rotary positions: of `rope_parameters`, where newer files have it, or of the configuration itself.
  fileprivate func rope(_ name: String) throws(Failure) -> Double? {
    for group in JSON.ropeGroups {
      guard let rope = self[group], !rope.isNull else { continue }
      if let value = try rope.optionalNumber(name) { return value }
    }
    return try optionalNumber(name)
  }

  private static let ropeGroups = ["rope_parameters", "rope_scaling"]

  /// Nil where rotary positions are not scaled.
  fileprivate func ropeScaling() throws(Failure) -> RopeScaling? {
    for group in JSON.ropeGroups {
      guard let rope = self[group], !rope.isNull else { continue }
      let name = rope["rope_type"] == nil ? "type" : "rope_type"
      let type = rope[name] == nil ? "default" : try rope.text(name)
      switch type {
      case "default": continue
      case "linear": return .linear(factor: try rope.number("factor"))
      case "llama3":
        return .llama3(
          factor: try rope.number("factor"), low: try rope.number("low_freq_factor"),
          high: try rope.number("high_freq_factor"),
          context: try rope.whole("original_max_position_embeddings"))
      default:
        throw Failure(.unusable, "rotary positions of the type \"\(type)\" are not supported")
      }
    }
    return nil
  }
}

extension LlamaVariant {
  fileprivate var activations: [String: ModelConfiguration.Activation] {
    // Gemma's first files say "gelu", and mean its tanh form.
    self == .gemma ? ["gelu_pytorch_tanh": .geglu, "gelu": .geglu] : ["silu": .swiglu]
  }
  fileprivate var defaultActivation: String { self == .gemma ? "gelu_pytorch_tanh" : "silu" }
  fileprivate var defaultNormEpsilon: Double { self == .olmo2 ? 1e-5 : 1e-6 }
  /// Nil for the width divided by the number of heads.
  fileprivate var defaultHeadDimension: Int? {
    switch self {
    case .qwen3: 128
    case .gemma: 256
    case .llama, .mistral, .qwen2, .olmo2: nil
    }
  }
  /// Whether its configuration says that attention has no biases.
  fileprivate var hasBiasMember: Bool { self != .qwen2 && self != .mistral }
}

extension RopeScaling {
  fileprivate var json: JSON {
    switch self {
    case .linear(let factor): ["rope_type": "linear", "factor": .number(factor)]
    case .llama3(let factor, let low, let high, let context):
      [
        "rope_type": "llama3", "factor": .number(factor), "low_freq_factor": .number(low),
        "high_freq_factor": .number(high), "original_max_position_embeddings": .whole(context),
      ]
    }
  }
}
