/// First-order changes sum_j p_ij of tokens' losses along a change of the parameters, in nats, by forward-mode passes: no
/// token needs a backward pass of its own.
struct FirstOrderChanges {
  /// Along the changes of all parameters, and of those that are neither embeddings nor output matrix.
  private(set) var all: [Double] = []
  private(set) var withoutEmbeddings: [Double] = []

  /// Adds the tokens of a batch.
  /// - Parameters:
  ///   - hidden: the gradients of `final` [R, C].
  ///   - head: the changes that come from the output matrix [R].
  mutating func add(
    _ batch: TokenBatch, _ transformer: Transformer, _ work: PassActivations, _ pass: Pass,
    along delta: Parameters, hidden: ConstantFloats, head: [Double]
  ) {
    func changes(_ part: TangentPart) -> [Double] {
      let tangent = transformer.tangent(batch, work, pass, along: delta, of: part)
      return transformer.threads.rowDots(
        hidden, tangent.start, rows: pass.rows, columns: transformer.model.width)
    }
    let (layers, embeddings) = (changes(.layers), changes(.embeddings))
    withoutEmbeddings += layers
    for row in 0..<pass.rows { all.append(layers[row] + embeddings[row] + head[row]) }
  }
}
