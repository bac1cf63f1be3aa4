internal import CKernels
internal import Glibc

/// Causal self-attention: H query heads and K key/value heads of D values, Q = (H + 2 K) D.
struct Attention {
  let heads, keyValueHeads, headDimension, rotary: Int
  /// Keys that a query sees, itself and those right before it; nil for all.
  let window: Int?
  /// [R, C] -> [R, Q]: all queries, then all keys, then all values.
  let inputs: Linear
  /// Whether `inputs` gives query, key and value of each head together instead, as GPT-NeoX keeps them.
  let isInterleaved: Bool
  /// Nil where queries and keys are not normalised; they are not where heads are interleaved.
  let norms: QueryKeyNorms?
  /// [R, H D] -> [R, C].
  let output: Linear

  var columns: Int { inputs.outputs }

  /// y [R, C] = attention(x [R, C]), added to y if `adding`.
  func forward(
    _ y: Floats, adding: Bool, _ x: ConstantFloats, _ kept: LayerActivations, _ spare: Floats, _ pass: Pass
  ) {
    // projected [R, Q] = x [R, C] W^T
    inputs.forward(isInterleaved ? spare : kept.projected, x, rows: pass.rows, pass)
    ordered(kept.projected, from: spare, pass)
    norms?.forward(kept.projected, kept: kept.queryKeyNorms, spare, pass)
    rotate(kept.projected, inverse: false, pass)
    // attended [R, H D], logSum [B, H, T]
    withUnsafePointer(to: kernel(kept, pass)) { kernel in
      pass.threads.run(brake_attention_task_count(kernel), work: work(pass)) { first, last in
        brake_attention_forward(kernel, first, last)
      }
    }
    // y [R, C] = attended [R, H D] W^T, or += that
    output.forward(y, kept.attended, rows: pass.rows, adding: adding, pass)
  }

  /// dx [R, C] from dy [R, C], which may be the same; the gradients of both matrices and of the norms.
  func backward(
    _ dx: Floats, dy: ConstantFloats, x: ConstantFloats, _ kept: LayerActivations, _ scratch: BackwardScratch,
    gradients: Floats, _ pass: Pass
  ) {
    // attended [R, H D] <- dy [R, C]
    output.backward(scratch.attended, dy: dy, x: kept.attended, rows: pass.rows, gradients: gradients, pass)
    backwardHeads(kept, scratch, pass)
    norms?.backward(
      scratch.projected, kept: kept.queryKeyNorms, scratch.regrouped, gradients: gradients, pass)
    // dx [R, C] <- projected [R, Q]
    inputs.backward(dx, dy: ungrouped(scratch, pass), x: x, rows: pass.rows, gradients: gradients, pass)
  }

  /// scratch.projected [R, Q]: the gradient of queries, keys and values before they are rotated, from scratch.attended
  /// [R, H D].
  func backwardHeads(_ kept: LayerActivations, _ scratch: BackwardScratch, _ pass: Pass) {
    let (q, k) = (heads * headDimension, keyValueHeads * headDimension)
    var gradient = brake_attention_gradient(
      dout: scratch.attended, lddo: q, dq: scratch.projected, lddq: columns, dk: scratch.projected + q,
      lddk: columns, dv: scratch.projected + q + k, lddv: columns)
    withUnsafePointer(to: &gradient) { gradient in
      withUnsafePointer(to: kernel(kept, pass)) { kernel in
        pass.threads.run(brake_attention_task_count(kernel), work: 3 * work(pass)) { first, last in
          brake_attention_backward(kernel, gradient, first, last)
        }
      }
    }
    rotate(scratch.projected, inverse: true, pass)
  }

  /// The gradient of what `inputs` gave [R, Q], in its order, from scratch.projected.
  func ungrouped(_ scratch: BackwardScratch, _ pass: Pass) -> Floats {
    guard isInterleaved else { return scratch.projected }
    regroup(scratch.regrouped, scratch.projected, pass) { head, part in (head * 3 + part, part * heads + head)
    }
    return scratch.regrouped
  }

  func kernel(_ kept: LayerActivations, _ pass: Pass) -> brake_attention {
    let (q, k) = (heads * headDimension, keyValueHeads * headDimension)
    return brake_attention(
      batch: pass.batch, length: pass.length, heads: heads, kv_heads: keyValueHeads, head_dim: headDimension,
      scale: 1 / Float(headDimension).squareRoot(), q: kept.projected, ldq: columns, k: kept.projected + q,
      ldk: columns, v: kept.projected + q + k, ldv: columns, out: kept.attended, ldo: q, log_sum: kept.logSum,
      window: window ?? 0)
  }

  func work(_ pass: Pass) -> Int { 2 * pass.rows * pass.length * heads * headDimension }

  /// What `inputs` gave [R, Q], in `spare` if it is interleaved: heads in their order.
  func ordered(_ projected: Floats, from spare: ConstantFloats, _ pass: Pass) {
    guard isInterleaved else { return }
    regroup(projected, spare, pass) { head, part in (part * heads + head, head * 3 + part) }
  }

  /// Queries and keys, which stand side by side, at their positions.
  func rotate(_ projected: Floats, inverse: Bool, _ pass: Pass) {
    guard let rotation = rotation(of: projected, inverse: inverse, pass) else { return }
    withUnsafePointer(to: rotation) { rotation in
      pass.threads.rows(pass.rows, columns: columns) { rows in
        brake_rope(rotation, rows.lowerBound, rows.upperBound)
      }
    }
  }

  /// What turns queries and keys; nil where positions turn nothing.
  func rotation(of projected: Floats, inverse: Bool, _ pass: Pass) -> brake_rotation? {
    guard rotary > 0, let cosine = pass.cosine, let sine = pass.sine else { return nil }
    return brake_rotation(
      x: projected, ldx: columns, cosine: cosine, sine: sine, length: pass.length,
      heads: heads + keyValueHeads, head_dim: headDimension, rotary: rotary, inverse: inverse)
  }

  /// Moves each head's part (0 query, 1 key, 2 value) to another place of its row; places are counted in heads.
  private func regroup(
    _ y: Floats, _ x: ConstantFloats, _ pass: Pass, places: (_ head: Int, _ part: Int) -> (to: Int, from: Int)
  ) {
    pass.threads.rows(pass.rows, columns: columns, cost: 1) { rows in
      for row in rows {
        for head in 0..<heads {
          for part in 0..<3 {
            let place = places(head, part)
            memcpy(
              y + row * columns + place.to * headDimension, x + row * columns + place.from * headDimension,
              headDimension * MemoryLayout<Float>.stride)
          }
        }
      }
    }
  }
}
