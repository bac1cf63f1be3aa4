public import System

/// The shape of a decoder: what `config.json` says about it, with the same meaning for every family.
public struct ModelConfiguration: Sendable, Hashable {
  /// Families by their `model_type`; each has its own names and order of parameters.
  public enum Family: String, Sendable, CaseIterable {
    /// RMSNorm, rotary positions, SwiGLU, grouped queries, no biases (Touvron et al. 2023, arXiv 2302.13971).
    /// Without the weights of its norms this is the setting of the loss-deceleration paper.
    case llama
    /// Llama with LayerNorm, which has neither weights nor biases (Groeneveld et al. 2024, arXiv 2402.00838).
    case olmo
    /// LayerNorm, learned positions, GELU, biases (Radford et al. 2019).
    case gpt2
    /// LayerNorm, partly rotary positions, GELU, biases, attention and feed-forward side by side (Black et al. 2022,
    /// arXiv 2204.06745).
    case neox = "gpt_neox"
  }

  public enum Activation: String, Sendable, CaseIterable {
    /// `geglu` is a gate of GELU in its tanh form.
    case swiglu, geglu, geluTanh, geluErf

    /// Whether the feed-forward part has two matrices before its activation: the gate's, and that of what it lets through.
    public var isGated: Bool { self == .swiglu || self == .geglu }
  }

  /// Where the norms of attention and of the feed-forward part stand: x + part(norm(x)), or x + norm(part(x)).
  public enum NormPlacement: Sendable, Hashable {
    case before, after
  }

  /// What RMSNorm of queries and keys is over: the values of each head, with the same weights, or those of all heads.
  public enum QueryKeyNorm: Sendable, Hashable {
    case head, all
  }

  public var family: Family
  /// Token ids are below this.
  public var vocabulary: Int
  /// Values of the residual stream for each token.
  public var width: Int
  public var layers: Int
  public var heads: Int
  /// Each serves heads / keyValueHeads query heads.
  public var keyValueHeads: Int
  public var headDimension: Int
  /// Width of the feed-forward part after its activation.
  public var inner: Int
  /// Tokens of the longest sequence.
  public var context: Int
  public var activation: Activation
  public var normEpsilon: Float
  /// Whether norms have weights (and biases, in the families with LayerNorm).
  public var hasNormWeights: Bool
  /// Whether queries, keys and values have biases, as in Qwen 2, which is a Llama otherwise.
  public var hasAttentionBiases = false
  /// Nil where queries and keys are not normalised.
  public var queryKeyNorm: QueryKeyNorm?
  public var norms = NormPlacement.before
  /// Whether 1 + their weights stand in the place of the weights of norms.
  public var hasNormWeightsFromOne = false
  /// Whether embeddings are multiplied by the root of the width.
  public var isEmbeddingScaled = false
  /// Tokens that a token sees, itself and those right before it; nil for all.
  public var window: Int?
  /// Values of each head that are rotated; 0 for learned positions.
  public var rotary: Int
  public var ropeTheta: Double
  /// Nil for frequencies as they are.
  public var ropeScaling: RopeScaling?
  /// Whether attention and feed-forward read the same residual, rather than one after the other.
  public var isParallel: Bool
  /// Whether the embedding is also the output matrix.
  public var isTied: Bool

  /// A model of a family with what is usual for it: GELU by the error function in NeoX and by tanh in GPT-2, rotary
  /// positions in a quarter of each head in NeoX and in whole heads in Llama.
  /// - Parameter hasNormWeights: of a Llama; in the other families there is no choice.
  public static func standard(
    _ family: Family, vocabulary: Int, width: Int, layers: Int, heads: Int, inner: Int, context: Int,
    hasNormWeights: Bool = false, isTied: Bool = true
  ) throws(Failure) -> ModelConfiguration {
    let head = heads > 0 ? width / heads : 0
    let isLlama = family == .llama || family == .olmo
    return try ModelConfiguration(
      family: family, vocabulary: vocabulary, width: width, layers: layers, heads: heads,
      keyValueHeads: heads, headDimension: head, inner: inner, context: context,
      activation: isLlama ? .swiglu : family == .gpt2 ? .geluTanh : .geluErf, normEpsilon: 1e-5,
      hasNormWeights: family == .llama ? hasNormWeights : !isLlama,
      rotary: isLlama ? head : family == .gpt2 ? 0 : head / 4, ropeTheta: 10_000,
      isParallel: family == .neox, isTied: isTied
    ).validated()
  }

  /// Itself, if all its values are within bounds and fit each other.
  func validated() throws(Failure) -> ModelConfiguration {
    func bound(_ name: String, _ value: Int, _ most: Int) throws(Failure) {
      guard (1...most).contains(value) else {
        throw Failure(.malformed, "the model's \(name) is \(value), which is not between 1 and \(most)")
      }
    }
    try bound("vocabulary", vocabulary, 1 << 20)
    try bound("width", width, 1 << 15)
    try bound("number of layers", layers, 1 << 10)
    try bound("number of heads", heads, 1 << 10)
    try bound("number of key/value heads", keyValueHeads, heads)
    try bound("head dimension", headDimension, 1 << 10)
    try bound("inner width", inner, 1 << 18)
    try bound("context", context, 1 << 20)
    func require(_ condition: Bool, _ what: String) throws(Failure) {
      if !condition { throw Failure(.malformed, "the model's \(what)") }
    }
    try require(
      heads % keyValueHeads == 0, "\(keyValueHeads) key/value heads do not divide its \(heads) heads")
    try require(family != .olmo || !hasNormWeights, "norms have weights, which OLMo's have not")
    if family == .llama {
      try require(
        LlamaVariant(features) != nil,
        "parts are of several families: no model type that is known has them together")
      try require(
        hasNormWeights || (queryKeyNorm == nil && norms == .before && !hasNormWeightsFromOne),
        "norms have no weights, which goes with a plain Llama")
    } else {
      var features = features
      features.activation = .swiglu
      try require(features == LlamaVariant.llama.features, "parts are those of another family")
    }
    if let window { try bound("window", window, context) }
    try require(
      family == .llama || heads * headDimension == width, "\(heads) heads do not divide its width, \(width)")
    try require(
      (0...headDimension).contains(rotary) && rotary % 2 == 0,
      "rotary part, \(rotary) of \(headDimension) values of a head, is not an even number of them")
    try require(
      normEpsilon.isFinite && normEpsilon > 0 && normEpsilon < 1,
      "norm epsilon, \(normEpsilon), is not between 0 and 1")
    try require(ropeTheta.isFinite && ropeTheta >= 1, "rope theta, \(ropeTheta), is not a number from 1 on")
    try require(ropeScaling?.isValid ?? true, "scaling of rotary positions has factors out of range")
    let most = 1 << 33
    let count = ParameterLayout(self).count
    try require(count <= most, "\(count) parameters are more than the \(most) that are allowed")
    return self
  }
}
