extension ParameterLayout {
  /// Parameters that are told of together.
  struct Block {
    let name: String
    /// Places in `parameters`.
    let tensors: [Int]
  }

  /// The parts of a model in the order of the computation, each with its norms and biases: `embedding` (with learned
  /// positions), `layer.0.attention`, `layer.0.feed_forward`, and so on, `output` (with the final norm); then the `model`, and
  /// `model_without_embeddings`. Parts without parameters are left out.
  var blocks: [Block] {
    func block(_ name: String, _ isIncluded: (Parameter) -> Bool) -> Block {
      Block(name: name, tensors: parameters.indices.filter { isIncluded(parameters[$0]) })
    }
    let feedForward = feedForwardNames
    func isFeedForward(_ parameter: Parameter) -> Bool {
      feedForward.contains(where: parameter.name.contains)
    }
    let layers = (0..<(parameters.compactMap(\.layer).max() ?? -1) + 1).flatMap { layer in
      [
        block("layer.\(layer).attention") { $0.layer == layer && !isFeedForward($0) },
        block("layer.\(layer).feed_forward") { $0.layer == layer && isFeedForward($0) },
      ]
    }
    let all =
      [block("embedding") { $0.role == .embedding || $0.role == .positions }] + layers
      + [
        block("output") { $0.layer == nil && $0.role != .embedding && $0.role != .positions },
        block("model") { _ in true }, block("model_without_embeddings") { !$0.role.isEmbedding },
      ]
    return all.filter { !$0.tensors.isEmpty }
  }

  /// What is in the names of parameters of a layer's feed-forward part. Where norms stand before the parts, the one between
  /// them is the feed-forward part's, whatever it is called; where they stand behind, it is the attention's.
  private var feedForwardNames: [String] {
    let after = ".post_feedforward_layernorm."
    return [".mlp.", ".ln_2."]
      + [parameters.contains { $0.name.contains(after) } ? after : ".post_attention_layernorm."]
  }
}
