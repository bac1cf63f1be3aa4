/// RMSNorm of queries and keys before they are rotated: over the values of each head, or of all heads together.
struct QueryKeyNorms {
  /// The queries or the keys of a row of what attention reads its heads from [Q]: `count` vectors side by side.
  struct Part {
    let norm: Norm
    let column, count: Int

    var width: Int { count * norm.width }
  }

  /// What a part leaves for its backward pass: what the norm read [R count, width of the norm] and its statistics
  /// [2, R count].
  struct Activations {
    let input, statistics: Floats
  }

  let parts: [Part]
  /// Q: from one row to the next.
  let columns: Int

  /// - Parameters:
  ///   - kept: as many as there are parts.
  ///   - projected: [R, Q], changed in place.
  ///   - spare: [R, width] of the widest part.
  func forward(_ projected: Floats, kept: [Activations], _ spare: Floats, _ pass: Pass) {
    for (part, kept) in zip(parts, kept) {
      take(kept.input, part, from: projected, pass)
      part.norm.forward(spare, statistics: kept.statistics, kept.input, pass.flat(pass.rows * part.count))
      put(projected, part, from: spare, pass)
    }
  }

  /// projected [R, Q]: on entry the gradient of what the norms gave, on return that of what they read.
  /// - Parameter spare: [R, 2 width].
  func backward(
    _ projected: Floats, kept: [Activations], _ spare: Floats, gradients: Floats, _ pass: Pass
  ) {
    through(projected, spare, pass) { index, part, dx, dy in
      part.norm.backward(
        dx, adding: false, dy: dy, statistics: kept[index].statistics, x: kept[index].input,
        gradients: gradients, pass.flat(pass.rows * part.count))
    }
  }

  /// Puts in the place of each part of projected [R, Q] what `body` makes of it.
  /// - Parameter body: fills a result [R, width] from the part [R, width].
  func through(
    _ projected: Floats, _ spare: Floats, _ pass: Pass,
    _ body: (_ index: Int, _ part: Part, _ result: Floats, _ values: ConstantFloats) -> Void
  ) {
    for (index, part) in parts.enumerated() {
      let result = spare + pass.rows * part.width
      take(spare, part, from: projected, pass)
      body(index, part, result, spare)
      put(projected, part, from: result, pass)
    }
  }

  /// y [R, width] from projected [R, Q].
  private func take(_ y: Floats, _ part: Part, from projected: ConstantFloats, _ pass: Pass) {
    pass.threads.rows(pass.rows, columns: part.width, cost: 1) { rows in
      for row in rows {
        (y + row * part.width).update(from: projected + row * columns + part.column, count: part.width)
      }
    }
  }

  private func put(_ projected: Floats, _ part: Part, from y: ConstantFloats, _ pass: Pass) {
    pass.threads.rows(pass.rows, columns: part.width, cost: 1) { rows in
      for row in rows {
        (projected + row * columns + part.column).update(from: y + row * part.width, count: part.width)
      }
    }
  }
}
