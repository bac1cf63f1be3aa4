internal import CKernels

/// Sums over tokens i of their gradients g_i and of |g_i|, and sums over parameters for each token: what the quantities
/// of interference are made of.
final class GradientSums {
  /// The model of which the tensors are told apart: with its output matrix untied, perhaps.
  let counted: ModelConfiguration
  let layout: ParameterLayout
  /// Sum over i of g_i.
  let gradient: Parameters
  /// Sums over i of |g_i|: of a sample, its two halves apart.
  let magnitudes: [Parameters]
  /// To which of the magnitudes is added.
  var half = 0
  /// Whether anything is added.
  var isRecording = true
  let delta: Parameters?
  /// [tensors][tokens].
  private(set) var tokens: [[TokenSums]]
  /// Tokens of the batches before this one.
  private var before = 0
  private let threads: Threads
  private var spare: [FloatBuffer] = []

  init(_ counted: ModelConfiguration, delta: Parameters?, halves: Int = 1, threads: Threads) {
    self.counted = counted
    self.delta = delta
    self.threads = threads
    layout = ParameterLayout(counted)
    gradient = Parameters(counted)
    magnitudes = (0..<halves).map { _ in Parameters(counted) }
    tokens = Array(repeating: [], count: layout.parameters.count)
  }

  /// Makes room for the tokens of the next batch.
  func begin(tokens count: Int) {
    before = tokens.first?.count ?? 0
    for tensor in tokens.indices { tokens[tensor] += Array(repeating: TokenSums(), count: count) }
  }

  /// Goes back to the tokens of a batch that have had room made for them.
  func resume(at token: Int) { before = token }

  /// The tensors in a range of the flat array.
  private func tensors(_ range: Range<Int>) -> [Int] {
    let parameters = layout.parameters
    return parameters.indices.filter { range.contains(parameters[$0].offset) }
  }

  /// Runs a kernel that gives for each task and token four sums, and adds these up.
  private func tally(
    _ tensor: Int, _ rows: [Int], tasks: Int, work: Int,
    _ body: (_ sums: UnsafeMutablePointer<Double>, _ first: Int, _ last: Int) -> Void
  ) {
    let sums = UnsafeMutablePointer<Double>.allocate(capacity: 4 * tasks * rows.count)
    defer { sums.deallocate() }
    threads.run(tasks, work: work) { body(sums, $0, $1) }
    for (place, token) in rows.enumerated() {
      for task in 0..<tasks {
        let four = sums + 4 * (task * rows.count + place)
        tokens[tensor][before + token] += TokenSums(
          participation: four[0], absoluteParticipation: four[1], l1Norm: four[2], squaredNorm: four[3])
      }
    }
  }
}

// MARK: - Gradients that are sums over positions

extension GradientSums {
  /// y = x W^T + b: of each token the product of dy [rows, outputs] and x [positions, inputs].
  /// - Parameter queries: outputs of which only each token's last row has a gradient.
  func add(
    _ linear: Linear, dy: ConstantFloats, x: ConstantFloats, _ rows: TokenRows, queries: Range<Int> = 0..<0
  ) {
    guard isRecording else { return }
    let x = x + rows.base * linear.inputs
    for tensor in tensors(linear.weight..<linear.weight + linear.inputs * linear.outputs) {
      let parameter = layout.parameters[tensor]
      let count = parameter.count / linear.inputs
      let output = linear.isStoredByInput ? 0 : (parameter.offset - linear.weight) / linear.inputs
      let isQuery = output >= queries.lowerBound && output + count <= queries.upperBound
      let spans = isQuery ? rows.lasts : rows.spans
      var product = brake_token_products()
      product.tokens = rows.tokens.count
      product.absolute = magnitudes[half].start + parameter.offset
      product.delta = delta.map { ConstantFloats($0.start) + parameter.offset }
      let (outer, inner) = (
        (values: dy + output, stride: linear.outputs, rows: rows.rows, first: spans.first),
        (values: x, stride: linear.inputs, rows: rows.positions, first: spans.kept)
      )
      let (left, right) = linear.isStoredByInput ? (inner, outer) : (outer, inner)
      (product.rows, product.columns) =
        linear.isStoredByInput ? (linear.inputs, count) : (count, linear.inputs)
      product.ld = product.columns
      (product.left, product.ld_left, product.left_rows) = (left.values, left.stride, left.rows)
      (product.right, product.ld_right, product.right_rows) = (right.values, right.stride, right.rows)
      let terms = isQuery ? rows.tokens.count : rows.rows
      left.first.withUnsafeBufferPointer { leftFirst in
        right.first.withUnsafeBufferPointer { rightFirst in
          spans.count.withUnsafeBufferPointer { counts in
            product.left_first = leftFirst.baseAddress
            product.right_first = rightFirst.baseAddress
            product.count = counts.baseAddress
            let tasks = (product.rows + Int(BRAKE_TOKEN_PRODUCT_ROWS) - 1) / Int(BRAKE_TOKEN_PRODUCT_ROWS)
            tally(tensor, rows.tokens, tasks: tasks, work: 2 * terms * parameter.count) { sums, first, last in
              var product = product
              product.sums = sums
              brake_tally_products(&product, first, last)
            }
          }
        }
      }
    }
    if let bias = linear.bias { add(vector: bias, linear.outputs, dy: dy, rows) { _ in } }
  }

  /// y = normal(x) w + b: of each token the sums of dy [rows, C] times the normalised x, and of dy.
  /// - Parameter x: [R, C], with the statistics [2, R] of all R rows of the forward pass.
  func add(
    _ norm: Norm, dy: ConstantFloats, x: ConstantFloats, statistics: ConstantFloats, total: Int,
    _ rows: TokenRows
  ) {
    if let weight = norm.weight {
      add(vector: weight, norm.width, dy: dy, rows) { kernel in
        kernel.x = x + rows.base * norm.width
        kernel.ld_x = norm.width
        kernel.rstd = statistics + rows.base
        kernel.mean = norm.isLayerNorm ? statistics + total + rows.base : nil
      }
    }
    if let bias = norm.bias { add(vector: bias, norm.width, dy: dy, rows) { _ in } }
  }

  private func add(
    vector offset: Int, _ columns: Int, dy: ConstantFloats, _ rows: TokenRows,
    _ factor: (inout brake_token_columns) -> Void
  ) {
    guard isRecording else { return }
    var kernel = brake_token_columns()
    kernel.columns = columns
    (kernel.dy, kernel.ld_dy) = (dy, columns)
    kernel.tokens = rows.tokens.count
    kernel.absolute = magnitudes[half].start + offset
    kernel.delta = delta.map { ConstantFloats($0.start) + offset }
    factor(&kernel)
    rows.spans.first.withUnsafeBufferPointer { first in
      rows.spans.kept.withUnsafeBufferPointer { kept in
        rows.spans.count.withUnsafeBufferPointer { count in
          (kernel.dy_first, kernel.x_first, kernel.count) = (
            first.baseAddress, kept.baseAddress, count.baseAddress
          )
          let tasks = (columns + Int(BRAKE_TOKEN_COLUMNS) - 1) / Int(BRAKE_TOKEN_COLUMNS)
          tally(tensors(offset..<offset + 1)[0], rows.tokens, tasks: tasks, work: 2 * rows.rows * columns) {
            var kernel = kernel
            kernel.sums = $0
            brake_tally_columns(&kernel, $1, $2)
          }
        }
      }
    }
  }

  /// Rows of a table, one for each position: of each token dy [rows, C], added up where positions share a row.
  /// - Parameters:
  ///   - slots: of each position, in the order in which positions first use them.
  ///   - tableRows: of each slot, its row in the table.
  ///   - head: where the table is the output matrix as well, the gradients of the logits of the slots [tokens, slots] and
  ///     the final values [tokens, C] of these tokens, whose products have been added before.
  func add(
    table offset: Int, width: Int, dy: ConstantFloats, slots: [Int32], tableRows: [Int32],
    head: (logits: [Float], hidden: [Float])?, _ rows: TokenRows
  ) {
    var kernel = brake_token_rows()
    kernel.columns = width
    (kernel.dy, kernel.ld_dy) = (dy, width)
    (kernel.ld_outer, kernel.ld_hidden, kernel.ld) = (tableRows.count, width, width)
    kernel.tokens = rows.tokens.count
    kernel.absolute = magnitudes[half].start + offset
    kernel.delta = delta.map { ConstantFloats($0.start) + offset }
    let (logits, hidden) = head ?? ([], [])
    slots.withUnsafeBufferPointer { slots in
      tableRows.withUnsafeBufferPointer { tableRows in
        logits.withUnsafeBufferPointer { logits in
          hidden.withUnsafeBufferPointer { hidden in
            rows.spans.first.withUnsafeBufferPointer { first in
              rows.spans.count.withUnsafeBufferPointer { count in
                (kernel.slot, kernel.table_row) = (slots.baseAddress, tableRows.baseAddress)
                if head != nil { (kernel.outer, kernel.hidden) = (logits.baseAddress, hidden.baseAddress) }
                (kernel.dy_first, kernel.count) = (first.baseAddress, count.baseAddress)
                let tasks = (width + Int(BRAKE_TOKEN_COLUMNS) - 1) / Int(BRAKE_TOKEN_COLUMNS)
                tally(tensors(offset..<offset + 1)[0], rows.tokens, tasks: tasks, work: 8 * rows.rows * width)
                {
                  var kernel = kernel
                  kernel.sums = $0
                  brake_tally_rows(&kernel, $1, $2)
                }
              }
            }
          }
        }
      }
    }
  }
}

// MARK: - Gradients that are products of two vectors

extension GradientSums {
  /// y = x W^T + b where each token's loss reaches its own row alone: its gradient is dy x^T, and the sum of the magnitudes
  /// is |dy|^T |x|.
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
    let absoluteX = room(0, rows * inputs)
    let absoluteDY = room(1, rows * outputs)
    let dots = room(2, rows * inputs)
    apply(absoluteX, x, rows * inputs, brake_magnitude)
    apply(absoluteDY, dy, rows * outputs, brake_magnitude)
    let sums = UnsafeMutablePointer<TokenSums>.allocate(capacity: rows)
    defer { sums.deallocate() }
    for tensor in tensors(linear.weight..<linear.weight + inputs * outputs) {
      let parameter = layout.parameters[tensor]
      let count = parameter.count / inputs
      let output = linear.isStoredByInput ? 0 : (parameter.offset - linear.weight) / inputs
      sums.initialize(repeating: TokenSums(), count: rows)
      /// row -> dy[row] W x[row].
      func contract(
        _ dy: ConstantFloats, _ w: ConstantFloats, _ x: ConstantFloats, _ body: (Int, Double) -> Void
      ) {
        threads.product(
          brake_product(
            m: rows, n: inputs, k: count, a: dy + output, lda: outputs, a_transposed: false, b: w,
            ldb: linear.isStoredByInput ? outputs : inputs, b_transposed: linear.isStoredByInput, c: dots,
            ldc: inputs, accumulate: false, bias: nil, batch: 1, stride_a: 0, stride_b: 0, stride_c: 0))
        threads.rows(rows, columns: inputs) { range in
          for row in range { body(row, brake_dot(dots + row * inputs, x + row * inputs, inputs)) }
        }
      }
      if let delta { contract(dy, delta.start + parameter.offset, x) { sums[$0].participation = $1 } }
      threads.rows(rows, columns: count) { range in
        for row in range {
          let (d, x, absoluteX) = (dy + row * outputs + output, x + row * inputs, absoluteX + row * inputs)
          sums[row].squaredNorm = brake_sum_squares(d, count) * brake_sum_squares(x, inputs)
          sums[row].l1Norm =
            brake_sum(absoluteDY + row * outputs + output, count) * brake_sum(absoluteX, inputs)
        }
      }
      if let delta {
        let absoluteDelta = room(3, parameter.count)
        apply(absoluteDelta, delta.start + parameter.offset, parameter.count, brake_magnitude)
        contract(absoluteDY, absoluteDelta, absoluteX) { sums[$0].absoluteParticipation = $1 }
      }
      for row in 0..<rows { tokens[tensor][before + first + row] += sums[row] }
    }
    var absolute = linear
    absolute.bias = nil
    absolute.addGradients(
      dy: absoluteDY, x: absoluteX, rows: rows, to: magnitudes[half].start,
      Pass(weights: magnitudes[half].start, batch: rows, length: 1, threads: threads, cosine: nil, sine: nil))
  }

  /// A buffer that is kept for the next call.
  private func room(_ index: Int, _ count: Int) -> Floats {
    while spare.count <= index { spare.append(FloatBuffer(0)) }
    if spare[index].count < count { spare[index] = FloatBuffer(count) }
    return spare[index].start
  }

  private func apply(
    _ y: Floats, _ x: ConstantFloats, _ count: Int,
    _ function: (UnsafeMutablePointer<Float>?, UnsafePointer<Float>?, Int) -> Void
  ) {
    threads.ranges(count, grain: 1 << 16, work: count) {
      function(y + $0.lowerBound, x + $0.lowerBound, $0.count)
    }
  }
}
