internal import CKernels

/// How the parts of a token's gradient at the final hidden state oppose each other. With logits z = W h, p = softmax(z) and
/// the target y,
///
///     -dl/dh = a + r,   a = (1 - p_y) w_y,   r = -sum_{v != y} p_v w_v,   dissent = -cos(a, r)
///
/// a pulls the state to the target's vector, r pushes it from all others; a dissent of 1 is total. The idea is that of
/// Mircea, Lobacheva and Rish, "Gradient Dissent in Language Model Training and Saturation" (HiLD workshop 2024); the
/// formulas are our own formalisation of it.
public struct DissentMeasurement {
  /// Of one token.
  public struct Token: Sendable, Hashable {
    /// ||a||, ||r|| and ||a + r||.
    public let attraction, repulsion, gradient: Float
    /// -cos(a, r); 0 where a or r has no length.
    public let dissent: Float
    /// p_y.
    public let probability: Float
  }

  private let head: Linear
  private let vocabulary, width: Int
  private let threads: Threads

  public init(_ model: ModelConfiguration, threads: Threads) {
    head = DecoderParts(model).head.linear
    (vocabulary, width) = (model.vocabulary, model.width)
    self.threads = threads
  }

  /// Floats of logits that are held at a time, or those of one token if they are more.
  private static let mostLogits = 1 << 22

  /// Of each token of a batch.
  /// - Parameters:
  ///   - states: what `Transformer.finalStates` gives for the batch [B, T, C].
  ///   - targets: [B, T], in the vocabulary.
  public func tokens(states: [Float], targets: [Int32], weights: Parameters) -> [Token] {
    precondition(states.count == targets.count * width)
    precondition(targets.allSatisfy { (0..<vocabulary).contains(Int($0)) })
    var tokens: [Token] = []
    tokens.reserveCapacity(targets.count)
    let block = min(targets.count, max(1, Self.mostLogits / vocabulary))
    let (probabilities, mixed) = (FloatBuffer(block * vocabulary), FloatBuffer(block * width))
    let matrix = UnsafePointer(weights.start + head.weight)
    for first in stride(from: 0, to: targets.count, by: block) {
      let rows = min(block, targets.count - first)
      states.withUnsafeBufferPointer { states in
        multiply(
          probabilities.start, states.baseAddress! + first * width, columns: width, by: matrix,
          isTransposed: true, rows: rows, outputs: vocabulary)
      }
      threads.rows(rows, columns: vocabulary, cost: 20) { range in
        let row = probabilities.start + range.lowerBound * vocabulary
        brake_softmax(row, row, range.count, vocabulary)
      }
      // The target is taken out of the distribution, so that 1 - p_y and r keep their digits where p_y goes to 1.
      var chances: [Float] = []
      for row in 0..<rows {
        let target = Int(targets[first + row])
        chances.append(probabilities.start[row * vocabulary + target])
        probabilities.start[row * vocabulary + target] = 0
      }
      multiply(
        mixed.start, probabilities.start, columns: vocabulary, by: matrix, isTransposed: false, rows: rows,
        outputs: width)
      for row in 0..<rows {
        let target = Int(targets[first + row])
        tokens.append(
          token(
            probability: chances[row], others: probabilities.start + row * vocabulary,
            target: matrix + target * width, mixed: mixed.start + row * width))
      }
    }
    return tokens
  }

  /// y [R, outputs] = x [R, columns] W or x W^T.
  private func multiply(
    _ y: Floats, _ x: ConstantFloats, columns: Int, by matrix: ConstantFloats, isTransposed: Bool, rows: Int,
    outputs: Int
  ) {
    threads.product(
      brake_product(
        m: rows, n: outputs, k: columns, a: x, lda: columns, a_transposed: false, b: matrix, ldb: width,
        b_transposed: isTransposed, c: y, ldc: outputs, accumulate: false, bias: nil, batch: 1, stride_a: 0,
        stride_b: 0, stride_c: 0))
  }

  /// - Parameters:
  ///   - others: p_v [V], 0 at the target.
  ///   - target: w_y [C].
  ///   - mixed: -r [C].
  private func token(
    probability: Float, others: ConstantFloats, target: ConstantFloats, mixed: ConstantFloats
  ) -> Token {
    let pull = brake_sum(others, vocabulary)
    let targetNorm = brake_sum_squares(target, width).squareRoot()
    let repulsion = brake_sum_squares(mixed, width).squareRoot()
    let product = brake_dot(target, mixed, width)
    var gradient = 0.0
    for column in 0..<width {
      let difference = pull * Double(target[column]) - Double(mixed[column])
      gradient += difference * difference
    }
    let attraction = pull * targetNorm
    return Token(
      attraction: Float(attraction), repulsion: Float(repulsion), gradient: Float(gradient.squareRoot()),
      dissent: attraction > 0 && repulsion > 0 ? Float(product / (targetNorm * repulsion)) : 0,
      probability: probability)
  }
}
