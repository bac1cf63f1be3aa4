internal import CKernels
public import System

/// Adds up the gradients of single tokens' losses without ever holding one: each batch by one forward pass, and one
/// backward pass for each token over the positions up to it, many of them side by side.
///
/// Above the last attention a token's loss reaches its own position alone: there its gradient is a product of two vectors,
/// and sums over tokens are products of matrices. Below, it is a sum over positions, taken in registers. Memory: that of
/// training on a batch, three arrays of the size of the parameters (of a sample four more, without most of the rows of an
/// embedding), and about `rowLimit` rows of gradients.
public final class TokenGradientAccumulator {
  /// Whether a tied embedding counts as two tensors, as in the published numbers, or as the one that it is.
  public enum Embeddings: String, Sendable, CaseIterable {
    case split, tied
  }

  public let model: ModelConfiguration
  public let embeddings: Embeddings
  let sums: TokenGradientSums
  private(set) var isProxy = false
  /// What has been followed below the last attention, if not every token.
  var sample: TokenSample?
  /// Tokens that have a loss.
  public private(set) var count = 0
  /// Of each token of all batches, in order; 0 where the target is negative.
  public private(set) var losses: [Float] = []
  /// The tokens that were read.
  private(set) var inputs: Set<Int32> = []
  /// Of a sample: how many tokens have been followed until now.
  private(set) var followed = 0
  /// Of a sample: of each token of all batches the first-order change of its loss, known by a forward-mode pass.
  private(set) var changes = FirstOrderChanges()
  let weights: Parameters
  private let delta: Parameters?
  let transformer: Transformer
  var threads: Threads { transformer.threads }

  /// Rows of gradients at the same time, unless one token has more.
  private static let rowLimit = 4096

  /// - Parameter delta: the changes of the parameters for which participation is counted.
  public convenience init(
    weights: Parameters, delta: Parameters? = nil, embeddings: Embeddings = .split, threads: Threads
  ) {
    self.init(weights: weights, delta: delta, embeddings: embeddings, isSample: false, threads: threads)
  }

  init(
    weights: Parameters, delta: Parameters?, embeddings: Embeddings, isSample: Bool, threads: Threads
  ) {
    precondition(delta.map { $0.model == weights.model } ?? true, "changes are those of the model")
    model = weights.model
    self.weights = weights
    self.delta = delta
    self.embeddings = embeddings
    transformer = Transformer(model, threads: threads)
    var counted = model
    if embeddings == .split { counted.isTied = false }
    sums = TokenGradientSums(counted, delta: delta, isSample: isSample, threads: threads)
  }

  /// Adds a batch, by the exact method.
  /// - Throws: if a token is not in the vocabulary, or the sequences are longer than the context.
  public func add(_ batch: TokenBatch) throws(Failure) {
    sums.begin(tokens: batch.inputs.count)
    let tokens = batch.targets.indices.filter { batch.targets[$0] >= 0 }
    let top = try addTop(batch, followed: tokens)
    addPrefixes([(half: nil, tokens: tokens)], top)
  }

  /// Adds a batch, by the sampled method.
  /// - Parameters:
  ///   - halves: the tokens, as rows of the batch, whose gradients are followed below the last attention, for each half of a
  ///     sample in order.
  ///   - isNew: false if the batch has been added before, and these are further tokens of it.
  func add(_ batch: TokenBatch, halves: [[Int]], isNew: Bool) throws(Failure) {
    sums.isRecording = isNew
    let top = try addTop(batch, followed: halves.flatMap { $0 }.sorted())
    addPrefixes(halves.enumerated().map { (half: $0, tokens: $1) }, top)
  }

  /// What is known of a batch where the backward passes of single tokens begin.
  private struct Top {
    let work: PassActivations
    let pass: Pass
    let tables: TokenTables
    /// The gradients of the output of the last attention (attended), and of the residual stream beside it (residual),
    /// [R, H D] and [R, C].
    let scratch: BackwardScratch
  }

  /// The whole forward pass, and what lies above the last attention: there each token's loss reaches its own position alone.
  private func addTop(_ batch: TokenBatch, followed: [Int]) throws(Failure) -> Top {
    let work = try transformer.prepare(batch, keepsActivations: true)
    let pass = transformer.pass(work, weights)
    guard let scratch = work.scratch else { preconditionFailure("the pass keeps its activations") }
    let (parts, rows, width) = (transformer.parts, pass.rows, model.width)
    transformer.forward(batch, work, pass)
    // hidden [R, C]: the gradients of `final`
    let hidden = FloatBuffer(rows * width)
    var tables = TokenTables(batch)
    addHead(batch, followed: followed, hidden: hidden.start, &tables, work, pass)
    if sums.isRecording {
      count += batch.counted
      losses += UnsafeBufferPointer(start: work.losses, count: rows)
      inputs.formUnion(batch.inputs)
      if let delta, !sums.halves.isEmpty {
        changes.add(
          batch, transformer, work, pass, along: delta, hidden: hidden.start,
          head: sums.participation(at: DecoderParts(sums.counted).head.linear.weight))
      }
      scratch.feedForwardInput.update(from: hidden.start, count: rows * width)
      transformer.backward(batch, work, gradients: sums.gradient.start, pass)
    }
    scratch.residual.update(repeating: 0, count: rows * width)
    let top = work.streams[model.layers]
    sums.add(
      parts.finalNorm, dy: hidden.start, x: top, statistics: work.finalStatistics, total: rows,
      TokenRows(single: rows))
    parts.finalNorm.backwardInput(
      scratch.residual, dy: hidden.start, deviations: work.finalStatistics,
      means: work.finalStatistics + rows, x: top, rows: rows, pass)
    single(model.layers - 1, work, pass).throughFeedForward { linear, dy, x in
      sums.addOuter(linear, dy: dy, x: x, rows: rows)
      var collected = FollowedRows(linear, limit: followed.count)
      for row in followed { collected.add(row, dy: dy + row * linear.outputs, x: x + row * linear.inputs) }
      sums.add(&collected)
    }
    return Top(work: work, pass: pass, tables: tables, scratch: scratch)
  }

  /// The backward pass of a layer over the rows of the forward pass.
  private func single(_ index: Int, _ work: PassActivations, _ pass: Pass) -> TokenBackward {
    guard let scratch = work.scratch else { preconditionFailure("the pass keeps its activations") }
    return TokenBackward(
      layer: transformer.parts.layers[index], kept: work.layers[index], input: work.streams[index],
      scratch: scratch, rows: TokenRows(single: pass.rows), pass: pass, sums: sums)
  }

  /// Adds a batch by the proxy: in the place of each token's gradient, at each position the product of two vectors that
  /// the gradient of the summed loss is the sum of. What other positions do to a token's gradient is lost, and sums over
  /// parameters of single tokens are not known.
  /// - Throws: as `add(_:)`.
  public func addProxy(_ batch: TokenBatch) throws(Failure) {
    isProxy = true
    sums.tellsTokensApart = false
    sums.begin(tokens: batch.inputs.count)
    let top = try addTop(batch, followed: [])
    let (pass, scratch) = (top.pass, top.scratch)
    let (rows, width) = (pass.rows, model.width)
    func record(_ linear: Linear, _ dy: ConstantFloats, _ x: ConstantFloats) {
      sums.addOuter(linear, dy: dy, x: x, rows: rows)
    }
    for index in (0..<model.layers).reversed() {
      let layer = single(index, top.work, pass)
      if index < model.layers - 1 { layer.throughFeedForward(record) }
      layer.throughSharedAttention(record)
    }
    func add(to target: Floats) {
      batch.inputs.withUnsafeBufferPointer { tokens in
        brake_embedding_backward(
          target + transformer.parts.embedding, scratch.residual, tokens.baseAddress, rows, width, 0,
          Int32(model.vocabulary))
      }
      if let positions = transformer.parts.positions {
        brake_position_backward(
          target + positions, scratch.residual, pass.batch, pass.length, width, 0, pass.length)
      }
    }
    transformer.scaleEmbeddings(scratch.residual, pass)
    brake_magnitude(scratch.residual, scratch.residual, rows * width)
    add(to: sums.magnitude.start)
    brake_multiply(scratch.residual, scratch.residual, scratch.residual, rows * width)
    add(to: sums.squares.start)
  }

  /// Tokens in chunks, each of one sequence.
  private func chunks(_ tokens: [Int], length: Int) -> [TokenRows] {
    var chunks: [TokenRows] = []
    var (chunk, rows, base) = ([Int](), 0, 0)
    for token in tokens.sorted() {
      let count = token % length + 1
      if !chunk.isEmpty && (token - token % length != base || rows + count > Self.rowLimit) {
        chunks.append(TokenRows(prefixesOf: chunk, base: base))
        (chunk, rows) = ([], 0)
      }
      base = token - token % length
      chunk.append(token)
      rows += count
    }
    if !chunk.isEmpty { chunks.append(TokenRows(prefixesOf: chunk, base: base)) }
    return chunks
  }

  /// Losses, the gradients of `final` [R, C], and those of the output matrix.
  private func addHead(
    _ batch: TokenBatch, followed: [Int], hidden: Floats, _ tables: inout TokenTables,
    _ work: PassActivations,
    _ pass: Pass
  ) {
    let linear = transformer.parts.head.linear
    let counted = DecoderParts(sums.counted).head.linear
    let width = linear.inputs
    var collected = FollowedRows(counted, limit: min(followed.count, work.logitRows))
    var next = followed.makeIterator()
    var token = next.next()
    batch.targets.withUnsafeBufferPointer { targets in
      transformer.parts.head.blocks(pass.rows, work.logitRows) { first, rows in
        let (x, dx) = (work.final + first * width, hidden + first * width)
        linear.forward(work.logits, x, rows: rows, pass)
        pass.threads.rows(rows, columns: linear.outputs, cost: 30) { range in
          brake_cross_entropy_gradient(
            work.losses + first + range.lowerBound, work.logits + range.lowerBound * linear.outputs,
            targets.baseAddress! + first + range.lowerBound, 1, range.count, linear.outputs)
        }
        linear.backwardInput(dx, dy: work.logits, rows: rows, pass)
        if sums.isRecording {
          counted.addGradients(dy: work.logits, x: x, rows: rows, to: sums.gradient.start, pass)
        }
        if sums.counted.isTied { tables.keep(work.logits, first: first, rows: rows, linear.outputs) }
        sums.addOuter(counted, dy: work.logits, x: x, first: first, rows: rows)
        while let row = token, row < first + rows {
          collected.add(
            row, dy: work.logits + (row - first) * linear.outputs, x: x + (row - first) * width)
          if collected.isFull { sums.add(&collected) }
          token = next.next()
        }
      }
    }
    sums.add(&collected)
  }

  /// What lies below the last attention: tokens of each half of a sample (or of none), each with the positions up to it.
  private func addPrefixes(_ parts: [(half: Int?, tokens: [Int])], _ top: Top) {
    let parts = parts.map { (half: $0.half, chunks: chunks($0.tokens, length: top.pass.length)) }
    let most = parts.flatMap(\.chunks).map(\.rows).max() ?? 0
    let room = Room()
    let scratch = BackwardScratch(Transformer.Sizes(model), rows: most, room)
    withExtendedLifetime(room) {
      for part in parts {
        sums.half = part.half
        if part.half != nil {
          if followed > 0 { sums.weigh(tokens: count, scale: Double(count) / Double(followed)) }
          followed += part.chunks.reduce(0) { $0 + $1.tokens.count }
        }
        for rows in part.chunks { addPrefixes(rows, scratch, top) }
      }
    }
    sums.half = nil
  }

  /// A chunk of tokens.
  private func addPrefixes(_ rows: TokenRows, _ scratch: BackwardScratch, _ top: Top) {
    let (parts, work, pass, width) = (transformer.parts, top.work, top.pass, model.width)
    scratch.residual.update(repeating: 0, count: rows.rows * width)
    for (place, token) in rows.tokens.enumerated() {
      (scratch.residual + rows.lasts.first[place] * width).update(
        from: top.scratch.residual + token * width, count: width)
    }
    for (index, layer) in parts.layers.enumerated().reversed() {
      let backward = TokenBackward(
        layer: layer, kept: work.layers[index], input: work.streams[index], scratch: scratch, rows: rows,
        pass: pass, sums: sums)
      if index == parts.layers.count - 1 {
        backward.throughLastAttention(top.scratch.attended)
      } else {
        backward.throughFeedForward { sums.add($0, dy: $1, x: $2, rows) }
        backward.throughAttention()
      }
    }
    transformer.scaleEmbeddings(scratch.residual, pass.flat(rows.rows))
    let sequence = rows.base / pass.length
    sums.add(
      table: parts.embedding, width: width, dy: scratch.residual, slots: top.tables.slots[sequence],
      tableRows: top.tables.tableRows[sequence],
      head: sums.counted.isTied ? top.tables.head(rows, final: work.final, width: width) : nil, rows)
    if let positions = parts.positions {
      let places = (0..<Int32(pass.length)).map { $0 }
      sums.add(
        table: positions, width: width, dy: scratch.residual, slots: places, tableRows: places, head: nil,
        rows)
    }
  }
}
