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
    let layers = (0..<(parameters.compactMap(\.layer).max() ?? -1) + 1).flatMap { layer in
      [
        block("layer.\(layer).attention") { $0.layer == layer && !$0.isFeedForward },
        block("layer.\(layer).feed_forward") { $0.layer == layer && $0.isFeedForward },
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
}

extension ParameterLayout.Parameter {
  /// Of a layer: whether it belongs to the feed-forward part, whose norm has the name that it has in a layer where it follows
  /// attention.
  fileprivate var isFeedForward: Bool {
    name.contains(".mlp.") || name.contains(".post_attention_layernorm.") || name.contains(".ln_2.")
  }
}
