internal import CKernels

/// Gradients that are sums over positions: of each token those of some rows.
extension TokenGradientSums {
  /// y = x W^T + b: of each token the product of dy [rows, outputs] and x [positions, inputs].
  /// - Parameter queries: outputs of which only each token's last row has a gradient.
  func add(
    _ linear: Linear, dy: ConstantFloats, x: ConstantFloats, _ rows: TokenRows, queries: Range<Int> = 0..<0
  ) {
    guard isAdding else { return }
    let x = x + rows.base * linear.inputs
    for tensor in tensors(linear.weight..<linear.weight + linear.inputs * linear.outputs) {
      let parameter = layout.parameters[tensor]
      let count = parameter.count / linear.inputs
      let output = linear.isStoredByInput ? 0 : (parameter.offset - linear.weight) / linear.inputs
      let isQuery = output >= queries.lowerBound && output + count <= queries.upperBound
      let spans = isQuery ? rows.lasts : rows.spans
      var product = brake_token_products()
      product.tokens = rows.tokens.count
      (product.absolute, product.squares) = target(tensor)
      product.delta = delta(tensor)
      product.weight = weight(tensor)
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

  /// A vector of parameters, or several that lie side by side, as the biases of queries, keys and values do.
  func add(
    vector offset: Int, _ columns: Int, dy: ConstantFloats, _ rows: TokenRows,
    _ factor: (inout brake_token_columns) -> Void
  ) {
    guard isAdding else { return }
    for tensor in tensors(offset..<offset + columns) {
      add(vector: tensor, from: offset, columns, dy: dy, rows, factor)
    }
  }

  private func add(
    vector tensor: Int, from offset: Int, _ width: Int, dy: ConstantFloats, _ rows: TokenRows,
    _ factor: (inout brake_token_columns) -> Void
  ) {
    let columns = layout.parameters[tensor].count
    var kernel = brake_token_columns()
    kernel.columns = columns
    (kernel.dy, kernel.ld_dy) = (dy + (layout.parameters[tensor].offset - offset), width)
    kernel.tokens = rows.tokens.count
    (kernel.absolute, kernel.squares) = target(tensor)
    kernel.delta = delta(tensor)
    kernel.weight = weight(tensor)
    factor(&kernel)
    rows.spans.first.withUnsafeBufferPointer { first in
      rows.spans.kept.withUnsafeBufferPointer { kept in
        rows.spans.count.withUnsafeBufferPointer { count in
          (kernel.dy_first, kernel.x_first, kernel.count) = (
            first.baseAddress, kept.baseAddress, count.baseAddress
          )
          let tasks = (columns + Int(BRAKE_TOKEN_COLUMNS) - 1) / Int(BRAKE_TOKEN_COLUMNS)
          tally(tensor, rows.tokens, tasks: tasks, work: 2 * rows.rows * columns) {
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
    let tensor = tensors(offset..<offset + 1)[0]
    var kernel = brake_token_rows()
    kernel.columns = width
    (kernel.dy, kernel.ld_dy) = (dy, width)
    (kernel.ld_outer, kernel.ld_hidden, kernel.ld) = (tableRows.count, width, width)
    kernel.tokens = rows.tokens.count
    (kernel.absolute, kernel.squares) = target(tensor)
    kernel.delta = delta(tensor)
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
                tally(tensor, rows.tokens, tasks: tasks, work: 8 * rows.rows * width) {
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

  /// Runs a kernel that gives for each task and token sums, and adds these up.
  private func tally(
    _ tensor: Int, _ rows: [Int], tasks: Int, work: Int,
    _ body: (_ sums: UnsafeMutablePointer<Double>, _ first: Int, _ last: Int) -> Void
  ) {
    let count = Int(BRAKE_TOKEN_SUMS)
    let sums = UnsafeMutablePointer<Double>.allocate(capacity: count * tasks * rows.count)
    defer { sums.deallocate() }
    threads.run(tasks, work: work) { body(sums, $0, $1) }
    for (place, token) in rows.enumerated() {
      for task in 0..<tasks {
        let found = sums + count * (task * rows.count + place)
        add(
          TokenSums(
            participation: found[0], absoluteParticipation: found[1], l1Norm: found[2],
            squaredNorm: found[3], squaredParticipation: found[5], influence: found[4]),
          tensor: tensor, token: token)
      }
    }
  }
}
