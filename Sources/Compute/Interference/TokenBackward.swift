internal import CKernels

/// The backward pass of one layer for `TokenRows`: rows of gradients that are many times those of the forward pass, whose
/// activations they share. A token's rows lie one after the other, and so do the activations that they need.
struct TokenBackward {
  let layer: DecoderLayer
  let kept: LayerActivations
  /// What the layer read [R, C].
  let input: ConstantFloats
  let scratch: BackwardScratch
  let rows: TokenRows
  /// The pass of which the forward part has been made.
  let pass: Pass
  let sums: TokenGradientSums

  /// What becomes of the gradient of a matrix: dy [rows, outputs], x [R, inputs].
  typealias Record = (_ linear: Linear, _ dy: ConstantFloats, _ x: ConstantFloats) -> Void

  private var attention: Attention { layer.attention }
  /// For what depends on nothing but the number of rows.
  private var own: Pass { pass.flat(rows.rows) }
  private var hasNormsAfter: Bool { layer.norms == .after }
  /// What the feed-forward part and attention read [R, C].
  private var feedForwardInput: ConstantFloats {
    ConstantFloats(hasNormsAfter ? kept.middle : kept.feedForwardInput)
  }
  private var attentionInput: ConstantFloats {
    hasNormsAfter ? input : ConstantFloats(kept.attentionInput)
  }

  /// residual [rows, C]: on entry the gradient of what the layer gave, on return what it contributes to that of what
  /// attention read. attended [rows, H D]: the gradient of what attention gave.
  func throughFeedForward(_ record: Record) {
    if layer.isParallel { throughAttentionOutput(record) }
    let feedForward = layer.feedForward
    // output [rows, C]: the gradient of what the feed-forward part gave
    let output = hasNormsAfter ? scratch.feedForwardInput : scratch.residual
    if hasNormsAfter {
      through(
        layer.feedForwardNorm, output, adding: false, dy: scratch.residual, kept.feedForwardStatistics,
        kept.feedForwardOutput)
    }
    // active [rows, I] <- output [rows, C]
    feedForward.output.backwardInput(scratch.active, dy: output, rows: rows.rows, own)
    record(feedForward.output, output, kept.active)
    // wide [rows, W] <- active [rows, I]
    let (wide, inner) = (feedForward.wide, feedForward.inner)
    eachToken(cost: 30 * wide) { row, place, count in
      feedForward.backwardActivation(
        scratch.wide + row * wide, dy: scratch.active + row * inner, x: kept.wide + place * wide, rows: count)
    }
    // feedForwardInput [rows, C] <- wide [rows, W]
    feedForward.inputs.backwardInput(scratch.feedForwardInput, dy: scratch.wide, rows: rows.rows, own)
    record(feedForward.inputs, scratch.wide, feedForwardInput)
    if hasNormsAfter {
      addToResidual(scratch.feedForwardInput)
    } else {
      through(
        layer.feedForwardNorm, scratch.residual, dy: scratch.feedForwardInput, kept.feedForwardStatistics,
        layer.isParallel ? input : ConstantFloats(kept.middle))
    }
    if !layer.isParallel { throughAttentionOutput(record) }
  }

  private func throughAttentionOutput(_ record: Record) {
    // output [rows, C]: the gradient of what attention gave
    let output = hasNormsAfter ? scratch.attentionInput : scratch.residual
    if hasNormsAfter {
      through(
        layer.attentionNorm, output, adding: false, dy: scratch.residual, kept.attentionStatistics,
        kept.attentionOutput)
    }
    attention.output.backwardInput(scratch.attended, dy: output, rows: rows.rows, own)
    record(attention.output, output, kept.attended)
  }

  /// residual [rows, C] += x [rows, C].
  private func addToResidual(_ x: ConstantFloats) {
    let width = attention.output.outputs
    pass.threads.rows(rows.rows, columns: width, cost: 1) { rows in
      let residual = scratch.residual + rows.lowerBound * width
      brake_add(residual, residual, x + rows.lowerBound * width, rows.count * width)
    }
  }

  /// residual [rows, C] += the gradient that comes from attended [rows, H D].
  func throughAttention() {
    attend { kernel, gradient, token, head in
      gradient.dout = ConstantFloats(scratch.attended) + rows.spans.first[token] * attention.output.inputs
      brake_attention_backward(&kernel, &gradient, head, head + 1)
    }
    throughAttentionInput { sums.add($0, dy: $1, x: $2, rows) }
  }

  /// The same where each token's loss reaches the output of attention at its own position alone: attended [R, H D].
  func throughLastAttention(_ attended: ConstantFloats) {
    attend { kernel, gradient, token, head in
      gradient.dout = attended + rows.tokens[token] * attention.output.inputs
      brake_attention_backward_last(&kernel, &gradient, head, head + 1)
    }
    let queries = attention.isInterleaved || attention.inputs.isStoredByInput ? 0 : attention.output.inputs
    throughAttentionInput { sums.add($0, dy: $1, x: $2, rows, queries: 0..<queries) }
  }

  /// The same for a loss that all tokens share: `rows` are those of the forward pass.
  func throughSharedAttention(_ record: Record) {
    attention.backwardHeads(kept, scratch, pass)
    throughHeads(record)
  }

  /// projected [rows, Q], a token and a key/value head at a time. As attention is causal, each token's rows are a sequence
  /// that ends with it.
  private func attend(
    _ body: (inout brake_attention, inout brake_attention_gradient, _ token: Int, _ head: Int) -> Void
  ) {
    let (q, k) = (
      attention.heads * attention.headDimension, attention.keyValueHeads * attention.headDimension
    )
    let columns = attention.columns
    let whole = attention.kernel(kept, pass)
    let logSums = FloatBuffer(rows.rows * attention.heads)
    eachToken(cost: attention.heads) { row, place, count in
      for head in 0..<attention.heads {
        let source = (place / pass.length * attention.heads + head) * pass.length + place % pass.length
        (logSums.start + row * attention.heads + head * count).update(
          from: kept.logSum + source, count: count)
      }
    }
    let work = rows.spans.count.reduce(0) { $0 + 6 * $1 * $1 * q }
    pass.threads.run(rows.tokens.count * attention.keyValueHeads, work: work) { first, last in
      for piece in first..<last {
        let (token, head) = piece.quotientAndRemainder(dividingBy: attention.keyValueHeads)
        let (row, place) = (rows.spans.first[token], rows.base + rows.spans.kept[token])
        var kernel = whole
        (kernel.batch, kernel.length) = (1, rows.spans.count[token])
        kernel.q = whole.q + place * columns
        kernel.k = whole.k + place * columns
        kernel.v = whole.v + place * columns
        kernel.out = whole.out + place * q
        kernel.log_sum = logSums.start + row * attention.heads
        let projected = scratch.projected + row * columns
        var gradient = brake_attention_gradient(
          dout: nil, lddo: q, dq: projected, lddq: columns, dk: projected + q, lddk: columns,
          dv: projected + q + k, lddv: columns)
        body(&kernel, &gradient, token, head)
      }
    }
  }

  /// residual [rows, C] += the gradient that comes from scratch.projected [rows, Q].
  private func throughAttentionInput(_ record: Record) {
    let columns = attention.columns
    if let rotation = attention.rotation(of: scratch.projected, inverse: true, pass) {
      eachToken(cost: 8 * columns) { row, _, count in
        var rotation = rotation
        rotation.x += row * columns
        brake_rope(&rotation, 0, count)
      }
    }
    throughHeads(record)
  }

  /// residual [rows, C] += the gradient that comes from scratch.projected [rows, Q], rotated back.
  private func throughHeads(_ record: Record) {
    attention.norms?.through(scratch.projected, scratch.regrouped, own) { index, part, dx, dy in
      let (kept, count) = (kept.queryKeyNorms[index], part.count)
      let (rows, total) = (rows.times(count), pass.rows * count)
      sums.add(part.norm, dy: dy, x: kept.input, statistics: kept.statistics, total: total, rows)
      backwardInput(
        part.norm, dx, adding: false, dy: dy, kept.statistics, x: kept.input, vectors: count)
    }
    let projected = attention.ungrouped(scratch, own)
    // attentionInput [rows, C] <- projected [rows, Q]
    attention.inputs.backwardInput(scratch.attentionInput, dy: projected, rows: rows.rows, own)
    record(attention.inputs, projected, attentionInput)
    if hasNormsAfter {
      addToResidual(scratch.attentionInput)
    } else {
      through(
        layer.attentionNorm, scratch.residual, dy: scratch.attentionInput, kept.attentionStatistics, input)
    }
  }

  /// dx [rows, C]: the gradient of what a norm read [R, C], from dy [rows, C]; added to dx if `adding`.
  private func through(
    _ norm: Norm, _ dx: Floats, adding: Bool = true, dy: ConstantFloats, _ statistics: ConstantFloats,
    _ x: ConstantFloats
  ) {
    sums.add(norm, dy: dy, x: x, statistics: statistics, total: pass.rows, rows)
    backwardInput(norm, dx, adding: adding, dy: dy, statistics, x: x)
  }

  /// The same without the gradients of the norm's weights.
  /// - Parameter vectors: how many the norm is taken of at each position, side by side.
  private func backwardInput(
    _ norm: Norm, _ dx: Floats, adding: Bool, dy: ConstantFloats, _ statistics: ConstantFloats,
    x: ConstantFloats, vectors: Int = 1
  ) {
    let (width, total) = (vectors * norm.width, vectors * pass.rows)
    eachToken(cost: 12 * width) { row, place, count in
      norm.backwardInput(
        dx + row * width, adding: adding, dy: dy + row * width, deviations: statistics + vectors * place,
        means: statistics + total + vectors * place, x: x + place * width, rows: vectors * count, pass)
    }
  }

  /// Rows here, rows of the forward pass, and how many.
  private func eachToken(cost: Int, _ body: (_ row: Int, _ place: Int, _ count: Int) -> Void) {
    pass.threads.run(rows.tokens.count, work: cost * rows.rows) { first, last in
      for token in first..<last {
        body(rows.spans.first[token], rows.base + rows.spans.kept[token], rows.spans.count[token])
      }
    }
  }
}
