internal import CKernels

/// One layer: x + attention(norm(x)), then + feed-forward(norm(that)); or, in parallel, both of x; or x +
/// norm(attention(x)), then + norm(feed-forward(that)).
struct DecoderLayer {
  let norms: ModelConfiguration.NormPlacement
  let attentionNorm, feedForwardNorm: Norm
  let attention: Attention
  let feedForward: FeedForward
  let isParallel: Bool

  /// y [R, C] from x [R, C].
  func forward(_ y: Floats, _ x: Floats, _ kept: LayerActivations, _ spare: Floats, _ pass: Pass) {
    if norms == .after { return forwardNormsAfter(y, x, kept, spare, pass) }
    let count = pass.rows * attentionNorm.width
    // middle = x + attention(norm(x)); in parallel the sum is built in y
    let middle = isParallel ? y : kept.middle
    attentionNorm.forward(kept.attentionInput, statistics: kept.attentionStatistics, x, pass)
    copy(middle, x, count, pass)
    attention.forward(middle, adding: true, kept.attentionInput, kept, spare, pass)
    // y = middle + feed-forward(norm(middle)), or of norm(x)
    feedForwardNorm.forward(
      kept.feedForwardInput, statistics: kept.feedForwardStatistics, isParallel ? x : middle, pass)
    if !isParallel { copy(y, middle, count, pass) }
    feedForward.forward(y, adding: true, kept.feedForwardInput, kept, pass)
  }

  private func forwardNormsAfter(
    _ y: Floats, _ x: ConstantFloats, _ kept: LayerActivations, _ spare: Floats, _ pass: Pass
  ) {
    let (middle, count) = (kept.middle, pass.rows * attentionNorm.width)
    // middle = x + norm(attention(x))
    attention.forward(kept.attentionOutput, adding: false, x, kept, spare, pass)
    attentionNorm.forward(middle, statistics: kept.attentionStatistics, kept.attentionOutput, pass)
    add(middle, x, count, pass)
    // y = middle + norm(feed-forward(middle))
    feedForward.forward(kept.feedForwardOutput, adding: false, middle, kept, pass)
    feedForwardNorm.forward(y, statistics: kept.feedForwardStatistics, kept.feedForwardOutput, pass)
    add(y, middle, count, pass)
  }

  /// d [R, C]: on entry the gradient of y, on return that of x.
  func backward(
    _ d: Floats, _ x: ConstantFloats, _ kept: LayerActivations, _ scratch: BackwardScratch, gradients: Floats,
    _ pass: Pass
  ) {
    if norms == .after { return backwardNormsAfter(d, x, kept, scratch, gradients: gradients, pass) }
    if isParallel {
      feedForward.backward(
        scratch.feedForwardInput, dy: d, x: kept.feedForwardInput, kept, scratch, gradients: gradients, pass)
      attention.backward(
        scratch.attentionInput, dy: d, x: kept.attentionInput, kept, scratch, gradients: gradients, pass)
      feedForwardNorm.backward(
        d, dy: scratch.feedForwardInput, statistics: kept.feedForwardStatistics, x: x, gradients: gradients,
        pass)
    } else {
      feedForward.backward(
        scratch.feedForwardInput, dy: d, x: kept.feedForwardInput, kept, scratch, gradients: gradients, pass)
      feedForwardNorm.backward(
        d, dy: scratch.feedForwardInput, statistics: kept.feedForwardStatistics, x: kept.middle,
        gradients: gradients, pass)
      attention.backward(
        scratch.attentionInput, dy: d, x: kept.attentionInput, kept, scratch, gradients: gradients, pass)
    }
    attentionNorm.backward(
      d, dy: scratch.attentionInput, statistics: kept.attentionStatistics, x: x, gradients: gradients, pass)
  }

  private func backwardNormsAfter(
    _ d: Floats, _ x: ConstantFloats, _ kept: LayerActivations, _ scratch: BackwardScratch, gradients: Floats,
    _ pass: Pass
  ) {
    let count = pass.rows * attentionNorm.width
    let (ofFeedForward, ofAttention) = (scratch.feedForwardInput, scratch.attentionInput)
    feedForwardNorm.backward(
      ofFeedForward, adding: false, dy: d, statistics: kept.feedForwardStatistics, x: kept.feedForwardOutput,
      gradients: gradients, pass)
    feedForward.backward(
      ofFeedForward, dy: ofFeedForward, x: kept.middle, kept, scratch, gradients: gradients, pass)
    add(d, ofFeedForward, count, pass)
    attentionNorm.backward(
      ofAttention, adding: false, dy: d, statistics: kept.attentionStatistics, x: kept.attentionOutput,
      gradients: gradients, pass)
    attention.backward(ofAttention, dy: ofAttention, x: x, kept, scratch, gradients: gradients, pass)
    add(d, ofAttention, count, pass)
  }

  /// y += x.
  private func add(_ y: Floats, _ x: ConstantFloats, _ count: Int, _ pass: Pass) {
    pass.threads.ranges(count, grain: 1 << 16, work: count) { range in
      brake_add(y + range.lowerBound, y + range.lowerBound, x + range.lowerBound, range.count)
    }
  }

  private func copy(_ y: Floats, _ x: ConstantFloats, _ count: Int, _ pass: Pass) {
    pass.threads.ranges(count, grain: 1 << 16, work: count) { range in
      (y + range.lowerBound).update(from: x + range.lowerBound, count: range.count)
    }
  }
}

/// The layers of a model and where their parameters are.
struct DecoderParts {
  let embedding: Int
  let positions: Int?
  /// Nil where embeddings are taken as they are.
  let embeddingScale: Float?
  let layers: [DecoderLayer]
  let finalNorm: Norm
  let head: LossHead

  init(_ model: ModelConfiguration) {
    let layout = ParameterLayout(model)
    let (c, i) = (model.width, model.inner)
    let names = Names(model)
    let projected = (model.heads + 2 * model.keyValueHeads) * model.headDimension
    let attended = model.heads * model.headDimension
    let wide = (model.activation.isGated ? 2 : 1) * i

    func norm(_ name: String, width: Int) -> Norm {
      Norm(
        isLayerNorm: model.family != .llama, width: width, epsilon: model.normEpsilon,
        weight: layout[name + ".weight"]?.offset, bias: layout[name + ".bias"]?.offset,
        countsFromOne: model.hasNormWeightsFromOne)
    }
    func norm(_ name: String) -> Norm { norm(name, width: c) }
    func linear(_ name: String, _ inputs: Int, _ outputs: Int) -> Linear {
      Linear(
        inputs: inputs, outputs: outputs, weight: layout.offset(name + ".weight"),
        bias: layout[name + ".bias"]?.offset, isStoredByInput: model.family == .gpt2)
    }

    func queryKeyNorms(_ name: String, _ placement: ModelConfiguration.QueryKeyNorm) -> QueryKeyNorms {
      func part(_ part: String, from head: Int, heads: Int) -> QueryKeyNorms.Part {
        let count = placement == .head ? heads : 1
        return QueryKeyNorms.Part(
          norm: norm(name + part, width: heads / count * model.headDimension),
          column: head * model.headDimension, count: count)
      }
      return QueryKeyNorms(
        parts: [
          part("self_attn.q_norm", from: 0, heads: model.heads),
          part("self_attn.k_norm", from: model.heads, heads: model.keyValueHeads),
        ], columns: projected)
    }

    embedding = layout.offset(names.embedding + ".weight")
    positions = model.family == .gpt2 ? layout.offset("transformer.wpe.weight") : nil
    embeddingScale = model.isEmbeddingScaled ? Float(Double(c).squareRoot()) : nil
    layers = (0..<model.layers).map { index in
      let name = names.layers + ".\(index)."
      return DecoderLayer(
        norms: model.norms, attentionNorm: norm(name + names.attentionNorm),
        feedForwardNorm: norm(name + names.feedForwardNorm),
        attention: Attention(
          heads: model.heads, keyValueHeads: model.keyValueHeads, headDimension: model.headDimension,
          rotary: model.rotary, window: model.window,
          inputs: linear(name + names.attentionInput, c, projected), isInterleaved: model.family == .neox,
          norms: model.queryKeyNorm.map { queryKeyNorms(name, $0) },
          output: linear(name + names.attentionOutput, attended, c)),
        feedForward: FeedForward(
          activation: model.activation, inputs: linear(name + names.feedForwardInput, c, wide),
          output: linear(name + names.feedForwardOutput, i, c)),
        isParallel: model.isParallel)
    }
    finalNorm = norm(names.finalNorm)
    let output = model.isTied ? names.embedding : names.head
    head = LossHead(
      linear: Linear(
        inputs: c, outputs: model.vocabulary, weight: layout.offset(output + ".weight"), bias: nil))
  }

  /// Hugging Face's names of the parts. Of matrices that lie side by side, the first.
  private struct Names {
    var embedding, layers, attentionNorm, attentionInput, attentionOutput: String
    var feedForwardNorm, feedForwardInput, feedForwardOutput, finalNorm, head: String

    init(_ model: ModelConfiguration) {
      let isAfter = model.norms == .after
      switch model.family {
      case .llama, .olmo:
        (embedding, layers) = ("model.embed_tokens", "model.layers")
        (attentionNorm, attentionInput, attentionOutput) = (
          isAfter ? "post_attention_layernorm" : "input_layernorm", "self_attn.q_proj", "self_attn.o_proj"
        )
        (feedForwardNorm, feedForwardInput, feedForwardOutput) = (
          isAfter ? "post_feedforward_layernorm" : "post_attention_layernorm", "mlp.gate_proj",
          "mlp.down_proj"
        )
        (finalNorm, head) = ("model.norm", "lm_head")
      case .gpt2:
        (embedding, layers) = ("transformer.wte", "transformer.h")
        (attentionNorm, attentionInput, attentionOutput) = ("ln_1", "attn.c_attn", "attn.c_proj")
        (feedForwardNorm, feedForwardInput, feedForwardOutput) = ("ln_2", "mlp.c_fc", "mlp.c_proj")
        (finalNorm, head) = ("transformer.ln_f", "lm_head")
      case .neox:
        (embedding, layers) = ("gpt_neox.embed_in", "gpt_neox.layers")
        (attentionNorm, attentionInput, attentionOutput) = (
          "input_layernorm", "attention.query_key_value", "attention.dense"
        )
        (feedForwardNorm, feedForwardInput, feedForwardOutput) = (
          "post_attention_layernorm", "mlp.dense_h_to_4h", "mlp.dense_4h_to_h"
        )
        (finalNorm, head) = ("gpt_neox.final_layer_norm", "embed_out")
      }
    }
  }
}
