internal import CKernels

/// Gradients that are products of two vectors: of y = x W^T + b where each token's loss reaches its own row alone, that of W
/// is dy x^T.
extension TokenGradientSums {
  /// Adds all but the sums of |p_ij| over parameters, which `add(_:)` adds for the tokens that are followed.
  /// - Parameters:
  ///   - dy: [rows, outputs].
  ///   - x: [rows, inputs].
  ///   - first: the token of the first row.
  func addOuter(_ linear: Linear, dy: ConstantFloats, x: ConstantFloats, first: Int = 0, rows: Int) {
    guard isRecording else { return }
    let (inputs, outputs) = (linear.inputs, linear.outputs)
    if let bias = linear.bias {
      add(vector: bias, outputs, dy: dy, TokenRows(single: rows)) { _ in }
    }
    let (absoluteDY, absoluteX) = (room(0, rows * outputs), room(1, rows * inputs))
    setMagnitude(absoluteDY, dy, rows * outputs)
    setMagnitude(absoluteX, x, rows * inputs)
    for matrix in tellsTokensApart ? matrices(linear) : [] {
      let (output, count) = (matrix.output, matrix.outputs)
      var sums = [TokenSums](repeating: TokenSums(), count: rows)
      sums.withUnsafeMutableBufferPointer { sums in
        nonisolated(unsafe) let sums = sums
        threads.rows(rows, columns: count + inputs) { range in
          for row in range {
            let (d, x) = (dy + row * outputs + output, x + row * inputs)
            sums[row].squaredNorm = brake_sum_squares(d, count) * brake_sum_squares(x, inputs)
            sums[row].l1Norm =
              brake_sum(absoluteDY + row * outputs + output, count)
              * brake_sum(absoluteX + row * inputs, inputs)
          }
        }
        if let delta = delta(matrix.tensor) {
          contract(matrix, linear, dy: dy, delta, x: x, rows: rows) {
            sums[$0].participation = $1
          }
        }
      }
      for row in 0..<rows { add(sums[row], tensor: matrix.tensor, token: first + row) }
    }
    // The sum of |dy x^T| over tokens is |dy|^T |x|, and that of squares is the same of squares.
    var unsigned = linear
    unsigned.bias = nil
    for target in [magnitude, squares] {
      unsigned.addGradients(
        dy: absoluteDY, x: absoluteX, rows: rows, to: target.start,
        Pass(weights: target.start, batch: rows, length: 1, threads: threads, cosine: nil, sine: nil))
      if target === magnitude {
        square(absoluteDY, rows * outputs)
        square(absoluteX, rows * inputs)
      }
    }
  }

  /// Adds the sums of |p_ij| = |dy| |delta| |x| and of its squares over parameters of the tokens that have been collected,
  /// which begin anew.
  func add(_ followed: inout FollowedRows) {
    guard !followed.tokens.isEmpty else { return }
    let count = followed.tokens.count
    for member in [\TokenSums.absoluteParticipation, \.squaredParticipation] {
      let isSquared = member == \.squaredParticipation
      if isSquared {
        square(followed.dy.start, count * followed.linear.outputs)
        square(followed.x.start, count * followed.linear.inputs)
      }
      for matrix in matrices(followed.linear, mostValues: Self.mostValues) {
        guard let delta = delta(matrix.tensor) else { continue }
        let changes = room(0, matrix.count)
        setMagnitude(changes, delta + matrix.start, matrix.count)
        if isSquared { square(changes, matrix.count) }
        var sums = [Double](repeating: 0, count: count)
        sums.withUnsafeMutableBufferPointer { sums in
          nonisolated(unsafe) let sums = sums
          contract(
            matrix, followed.linear, dy: followed.dy.start, changes, x: followed.x.start, rows: count
          ) { sums[$0] = $1 }
        }
        for (token, sum) in zip(followed.tokens, sums) {
          var found = TokenSums()
          found[keyPath: member] = sum
          add(found, tensor: matrix.tensor, token: token)
        }
      }
    }
    followed.removeAll()
  }

  /// A tensor of a linear layer, or a piece of it: some of the layer's outputs.
  private struct Matrix {
    let tensor: Int
    /// Where the piece starts in the tensor, and how many values it has.
    let start, count: Int
    let output, outputs: Int
  }

  /// Of |delta| at the same time: what stays in the cache.
  private static let mostValues = 1 << 20

  /// - Parameter mostValues: of a piece, where a tensor can be cut.
  private func matrices(_ linear: Linear, mostValues: Int = .max) -> [Matrix] {
    tensors(linear.weight..<linear.weight + linear.inputs * linear.outputs).flatMap { tensor in
      let parameter = layout.parameters[tensor]
      let outputs = parameter.count / linear.inputs
      if linear.isStoredByInput {
        return [Matrix(tensor: tensor, start: 0, count: parameter.count, output: 0, outputs: outputs)]
      }
      let first = (parameter.offset - linear.weight) / linear.inputs
      let most = max(1, min(outputs, mostValues / linear.inputs))
      return stride(from: 0, to: outputs, by: most).map { output in
        let count = min(most, outputs - output)
        return Matrix(
          tensor: tensor, start: output * linear.inputs, count: count * linear.inputs,
          output: first + output, outputs: count)
      }
    }
  }

  /// row -> dy[row] W x[row].
  private func contract(
    _ matrix: Matrix, _ linear: Linear, dy: ConstantFloats, _ w: ConstantFloats, x: ConstantFloats,
    rows: Int, _ body: (Int, Double) -> Void
  ) {
    let (inputs, byInput) = (linear.inputs, linear.isStoredByInput)
    let dots = room(2, rows * inputs)
    threads.product(
      brake_product(
        m: rows, n: inputs, k: matrix.outputs, a: dy + matrix.output, lda: linear.outputs,
        a_transposed: false, b: w, ldb: byInput ? linear.outputs : inputs, b_transposed: byInput, c: dots,
        ldc: inputs, accumulate: false, bias: nil, batch: 1, stride_a: 0, stride_b: 0, stride_c: 0))
    threads.rows(rows, columns: inputs) { range in
      for row in range { body(row, brake_dot(dots + row * inputs, x + row * inputs, inputs)) }
    }
  }

  private func square(_ x: Floats, _ count: Int) {
    threads.ranges(count, grain: 1 << 16, work: count) {
      brake_multiply(x + $0.lowerBound, x + $0.lowerBound, x + $0.lowerBound, $0.count)
    }
  }

  private func setMagnitude(_ y: Floats, _ x: ConstantFloats, _ count: Int) {
    threads.ranges(count, grain: 1 << 16, work: count) {
      brake_magnitude(y + $0.lowerBound, x + $0.lowerBound, $0.count)
    }
  }
}

/// |dy| and |x| of those tokens that are followed, of one linear layer, until there are enough of them for a product.
struct FollowedRows {
  let linear: Linear
  private(set) var tokens: [Int] = []
  /// [limit, outputs], [limit, inputs].
  let dy, x: FloatBuffer
  private let limit: Int

  init(_ linear: Linear, limit: Int) {
    self.linear = linear
    self.limit = limit
    dy = FloatBuffer(limit * linear.outputs)
    x = FloatBuffer(limit * linear.inputs)
  }

  var isFull: Bool { tokens.count == limit }

  /// - Parameters:
  ///   - dy: [outputs] of a token.
  ///   - x: [inputs].
  mutating func add(_ token: Int, dy: ConstantFloats, x: ConstantFloats) {
    precondition(!isFull, "rows are taken before there are too many")
    brake_magnitude(self.dy.start + tokens.count * linear.outputs, dy, linear.outputs)
    brake_magnitude(self.x.start + tokens.count * linear.inputs, x, linear.inputs)
    tokens.append(token)
  }

  mutating func removeAll() { tokens = [] }
}
