/// What all layers need in a forward or backward pass. R = B T rows, one for each token.
struct Pass {
  let weights: ConstantFloats
  /// Sequences (B) and tokens in each (T).
  let batch, length: Int
  let threads: Threads
  /// [T, rotary / 2] each; null for learned positions.
  let cosine, sine: ConstantFloats?

  var rows: Int { batch * length }

  /// For what depends on nothing but the number of rows.
  func flat(_ rows: Int) -> Pass {
    Pass(weights: weights, batch: rows, length: 1, threads: threads, cosine: nil, sine: nil)
  }
}
