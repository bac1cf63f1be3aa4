/// The parameters of a model under their Hugging Face names, one after the other in one flat array: in the order of the
/// computation, so that matrices that read the same values lie side by side and are multiplied as one.
public struct ParameterLayout: Sendable, Hashable {
  public struct Parameter: Sendable, Hashable {
    public let name: String
    /// Row-major.
    public let shape: [Int]
    public let role: Role
    /// Of the first element in the flat array.
    public let offset: Int
    public let count: Int

    public var range: Range<Int> { offset..<offset + count }
    /// Of the decoder; nil for embeddings, the final norm and the output matrix.
    public var layer: Int? { name.split(separator: ".").lazy.compactMap { Int($0) }.first }
  }

  public enum Role: Sendable, Hashable {
    case embedding, positions, head
    /// A matrix of a layer; `fanIn` is the length of the vectors that it takes.
    case matrix(fanIn: Int)
    /// A matrix of a layer that adds to the residual stream.
    case output(fanIn: Int, layer: Int)
    case normWeight, bias

    /// Weight decay applies to the matrices of the layers, not to embeddings, the output matrix, norms and biases.
    public var isDecayed: Bool { fanIn != nil }

    /// Whether it is an embedding, or the output matrix, or learned positions: what scaling laws do not count.
    public var isEmbedding: Bool {
      switch self {
      case .embedding, .positions, .head: true
      case .matrix, .output, .normWeight, .bias: false
      }
    }

    /// Length of the vectors that a matrix of a layer takes; nil for all other parameters.
    var fanIn: Int? {
      switch self {
      case .matrix(let fanIn), .output(let fanIn, _): fanIn
      case .embedding, .positions, .head, .normWeight, .bias: nil
      }
    }
  }

  public private(set) var parameters: [Parameter] = []
  private var positions: [String: Int] = [:]

  /// Elements of the flat array.
  public var count: Int { parameters.last?.range.upperBound ?? 0 }
  public subscript(_ name: String) -> Parameter? { positions[name].map { parameters[$0] } }

  /// Where a parameter starts.
  /// - Precondition: the model has a parameter of this name.
  func offset(_ name: String) -> Int { parameters[positions[name]!].offset }

  private mutating func add(_ name: String, _ shape: [Int], _ role: Role) {
    positions[name] = parameters.count
    parameters.append(
      Parameter(name: name, shape: shape, role: role, offset: count, count: shape.reduce(1, *)))
  }

  private mutating func addNorm(_ name: String, _ width: Int, bias: Bool) {
    add(name + ".weight", [width], .normWeight)
    if bias { add(name + ".bias", [width], .bias) }
  }

  private mutating func addBiased(_ name: String, _ shape: [Int], outputs: Int, _ role: Role) {
    add(name + ".weight", shape, role)
    add(name + ".bias", [outputs], .bias)
  }

  public init(_ model: ModelConfiguration) {
    switch model.family {
    case .llama, .olmo: addLlama(model)
    case .gpt2: addGPT2(model)
    case .neox: addNeoX(model)
    }
  }

  private mutating func addLlama(_ model: ModelConfiguration) {
    let (c, i) = (model.width, model.inner)
    let (q, k) = (model.heads * model.headDimension, model.keyValueHeads * model.headDimension)
    add("model.embed_tokens.weight", [model.vocabulary, c], .embedding)
    for layer in 0..<model.layers {
      let name = "model.layers.\(layer)."
      if model.hasNormWeights && model.norms == .before {
        addNorm(name + "input_layernorm", c, bias: false)
      }
      add(name + "self_attn.q_proj.weight", [q, c], .matrix(fanIn: c))
      add(name + "self_attn.k_proj.weight", [k, c], .matrix(fanIn: c))
      add(name + "self_attn.v_proj.weight", [k, c], .matrix(fanIn: c))
      if model.hasAttentionBiases {
        for (part, width) in [("q", q), ("k", k), ("v", k)] {
          add(name + "self_attn.\(part)_proj.bias", [width], .bias)
        }
      }
      if let norm = model.queryKeyNorm {
        addNorm(name + "self_attn.q_norm", norm == .head ? model.headDimension : q, bias: false)
        addNorm(name + "self_attn.k_norm", norm == .head ? model.headDimension : k, bias: false)
      }
      add(name + "self_attn.o_proj.weight", [c, q], .output(fanIn: q, layer: layer))
      if model.hasNormWeights { addNorm(name + "post_attention_layernorm", c, bias: false) }
      add(name + "mlp.gate_proj.weight", [i, c], .matrix(fanIn: c))
      add(name + "mlp.up_proj.weight", [i, c], .matrix(fanIn: c))
      add(name + "mlp.down_proj.weight", [c, i], .output(fanIn: i, layer: layer))
      if model.hasNormWeights && model.norms == .after {
        addNorm(name + "post_feedforward_layernorm", c, bias: false)
      }
    }
    if model.hasNormWeights { addNorm("model.norm", c, bias: false) }
    if !model.isTied { add("lm_head.weight", [model.vocabulary, c], .head) }
  }

  private mutating func addGPT2(_ model: ModelConfiguration) {
    let (c, i) = (model.width, model.inner)
    add("transformer.wte.weight", [model.vocabulary, c], .embedding)
    add("transformer.wpe.weight", [model.context, c], .positions)
    for layer in 0..<model.layers {
      let name = "transformer.h.\(layer)."
      addNorm(name + "ln_1", c, bias: true)
      addBiased(name + "attn.c_attn", [c, 3 * c], outputs: 3 * c, .matrix(fanIn: c))
      addBiased(name + "attn.c_proj", [c, c], outputs: c, .output(fanIn: c, layer: layer))
      addNorm(name + "ln_2", c, bias: true)
      addBiased(name + "mlp.c_fc", [c, i], outputs: i, .matrix(fanIn: c))
      addBiased(name + "mlp.c_proj", [i, c], outputs: c, .output(fanIn: i, layer: layer))
    }
    addNorm("transformer.ln_f", c, bias: true)
    if !model.isTied { add("lm_head.weight", [model.vocabulary, c], .head) }
  }

  private mutating func addNeoX(_ model: ModelConfiguration) {
    let (c, i) = (model.width, model.inner)
    add("gpt_neox.embed_in.weight", [model.vocabulary, c], .embedding)
    for layer in 0..<model.layers {
      let name = "gpt_neox.layers.\(layer)."
      addNorm(name + "input_layernorm", c, bias: true)
      addBiased(name + "attention.query_key_value", [3 * c, c], outputs: 3 * c, .matrix(fanIn: c))
      addBiased(name + "attention.dense", [c, c], outputs: c, .output(fanIn: c, layer: layer))
      addNorm(name + "post_attention_layernorm", c, bias: true)
      addBiased(name + "mlp.dense_h_to_4h", [i, c], outputs: i, .matrix(fanIn: c))
      addBiased(name + "mlp.dense_4h_to_h", [c, i], outputs: c, .output(fanIn: i, layer: layer))
    }
    addNorm("gpt_neox.final_layer_norm", c, bias: true)
    if !model.isTied { add("embed_out.weight", [model.vocabulary, c], .head) }
  }
}
