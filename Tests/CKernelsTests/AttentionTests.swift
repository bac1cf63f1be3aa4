import CKernels
import Glibc
import Testing

struct AttentionShape: Sendable {
  var batch = 1
  var length: Int
  var heads: Int
  var keyHeads: Int
  var dim: Int
  var window = 0
  var queries: Int { batch * length * heads * dim }
  var keys: Int { batch * length * keyHeads * dim }
}

@Suite struct `Causal attention` {
  static let scale: Float = 0.7

  /// Output and log-sums of attention by its definition.
  private func attention(_ s: AttentionShape, _ q: [Double], _ k: [Double], _ v: [Double]) -> (
    [Double], [Double]
  ) {
    var out = [Double](repeating: 0, count: s.queries)
    var sums = [Double](repeating: 0, count: s.batch * s.heads * s.length)
    for b in 0..<s.batch {
      for h in 0..<s.heads {
        let g = h / (s.heads / s.keyHeads)
        for t in 0..<s.length {
          let query = ((b * s.length + t) * s.heads + h) * s.dim
          let first = s.window > 0 ? max(0, t - s.window + 1) : 0
          let scores = (first...t).map { u in
            let key = ((b * s.length + u) * s.keyHeads + g) * s.dim
            return Double(Self.scale) * (0..<s.dim).reduce(0) { $0 + q[query + $1] * k[key + $1] }
          }
          let greatest = scores.max() ?? 0
          let sum = scores.reduce(0) { $0 + exp($1 - greatest) }
          sums[(b * s.heads + h) * s.length + t] = greatest + log(sum)
          for (u, score) in scores.enumerated() {
            let value = ((b * s.length + first + u) * s.keyHeads + g) * s.dim
            for d in 0..<s.dim { out[query + d] += exp(score - greatest) / sum * v[value + d] }
          }
        }
      }
    }
    return (out, sums)
  }

  private struct Result {
    var out, sums, dq, dk, dv: [Float]
  }

  private func run(_ s: AttentionShape, _ q: [Float], _ k: [Float], _ v: [Float], _ dy: [Float]) -> Result {
    let inputs = [q, k, v, dy].map(Buffer.init)
    let outputs = [s.queries, s.batch * s.heads * s.length, s.queries, s.keys, s.keys].map(
      Buffer.init(zeros:))
    let (wide, narrow) = (s.heads * s.dim, s.keyHeads * s.dim)
    var x = brake_attention(
      batch: s.batch, length: s.length, heads: s.heads, kv_heads: s.keyHeads, head_dim: s.dim,
      scale: Self.scale,
      q: inputs[0].pointer, ldq: wide, k: inputs[1].pointer, ldk: narrow, v: inputs[2].pointer, ldv: narrow,
      out: outputs[0].pointer, ldo: wide, log_sum: outputs[1].pointer, window: s.window)
    var y = brake_attention_gradient(
      dout: inputs[3].pointer, lddo: wide, dq: outputs[2].pointer, lddq: wide, dk: outputs[3].pointer,
      lddk: narrow, dv: outputs[4].pointer, lddv: narrow)
    let tasks = brake_attention_task_count(&x)
    for task in (0..<tasks).reversed() { brake_attention_forward(&x, task, task + 1) }
    brake_attention_backward(&x, &y, 0, tasks)
    return Result(
      out: outputs[0].values, sums: outputs[1].values, dq: outputs[2].values, dk: outputs[3].values,
      dv: outputs[4].values)
  }

  @Test(arguments: [
    AttentionShape(length: 1, heads: 1, keyHeads: 1, dim: 4),
    AttentionShape(batch: 2, length: 7, heads: 2, keyHeads: 2, dim: 3),
    AttentionShape(length: 65, heads: 2, keyHeads: 1, dim: 16),
    AttentionShape(batch: 2, length: 150, heads: 4, keyHeads: 2, dim: 20),
    AttentionShape(batch: 2, length: 150, heads: 2, keyHeads: 1, dim: 3, window: 5),
    AttentionShape(length: 200, heads: 2, keyHeads: 2, dim: 3, window: 64),
    AttentionShape(length: 200, heads: 1, keyHeads: 1, dim: 3, window: 70),
    AttentionShape(length: 70, heads: 1, keyHeads: 1, dim: 3, window: 1),
  ])
  func `Outputs and log-sums agree with the definition`(_ s: AttentionShape) {
    var random = Inputs(seed: 61)
    let (q, k, v) = (random.values(s.queries, scale: 4), random.values(s.keys), random.values(s.keys))
    let found = run(s, q, k, v, random.values(s.queries))
    let (out, sums) = attention(s, doubles(q), doubles(k), doubles(v))
    expectClose(found.out, out)
    expectClose(found.sums, sums)
  }

  @Test(arguments: [
    AttentionShape(batch: 2, length: 5, heads: 2, keyHeads: 2, dim: 3),
    AttentionShape(length: 18, heads: 2, keyHeads: 1, dim: 2),
    AttentionShape(length: 18, heads: 2, keyHeads: 1, dim: 2, window: 4),
  ])
  func `Gradients are those of the definition`(_ s: AttentionShape) {
    var random = Inputs(seed: 62)
    let (q, k, v) = (random.values(s.queries, scale: 2), random.values(s.keys), random.values(s.keys))
    let dy = random.values(s.queries)
    let found = run(s, q, k, v, dy)
    let (dq, dk, dv) = (doubles(q), doubles(k), doubles(v))
    expectClose(found.dq, gradient(of: { inner(attention(s, $0, dk, dv).0, dy) }, at: q), within: 2e-6)
    expectClose(found.dk, gradient(of: { inner(attention(s, dq, $0, dv).0, dy) }, at: k), within: 2e-6)
    expectClose(found.dv, gradient(of: { inner(attention(s, dq, dk, $0).0, dy) }, at: v), within: 2e-6)
  }

  @Test(arguments: [0, 1, 40, 64, 100])
  func `Gradients across many tiles agree with those of a direction`(window: Int) {
    let s = AttentionShape(length: 150, heads: 2, keyHeads: 1, dim: 8, window: window)
    var random = Inputs(seed: 63)
    let (q, k, v) = (random.values(s.queries, scale: 2), random.values(s.keys), random.values(s.keys))
    let dy = random.values(s.queries)
    let found = run(s, q, k, v, dy)
    let (sq, sk, sv) = (random.values(s.queries), random.values(s.keys), random.values(s.keys))
    func moved(_ x: [Float], _ step: [Float], _ by: Double) -> [Double] {
      zip(x, step).map { Double($0) + by * Double($1) }
    }
    let slope = gradient(
      of: { by in
        inner(attention(s, moved(q, sq, by[0]), moved(k, sk, by[1]), moved(v, sv, by[2])).0, dy)
      }, at: [0, 0, 0])
    let projected = [
      inner(doubles(found.dq), sq), inner(doubles(found.dk), sk), inner(doubles(found.dv), sv),
    ]
    for (a, b) in zip(projected, slope) { #expect(abs(a - b) < 1e-5 * max(1, abs(b))) }
  }

  @Test(arguments: [
    AttentionShape(batch: 2, length: 7, heads: 2, keyHeads: 2, dim: 3),
    AttentionShape(length: 65, heads: 2, keyHeads: 1, dim: 16),
    AttentionShape(batch: 2, length: 150, heads: 4, keyHeads: 2, dim: 20),
    AttentionShape(batch: 2, length: 150, heads: 2, keyHeads: 1, dim: 3, window: 5),
    AttentionShape(length: 200, heads: 2, keyHeads: 2, dim: 3, window: 64),
    AttentionShape(length: 200, heads: 1, keyHeads: 1, dim: 3, window: 70),
    AttentionShape(length: 70, heads: 1, keyHeads: 1, dim: 3, window: 1),
  ])
  func `A change of the output is that of the definition`(_ s: AttentionShape) {
    var random = Inputs(seed: 64)
    let inputs = [random.values(s.queries, scale: 4), random.values(s.keys), random.values(s.keys)]
    let changes = [random.values(s.queries, scale: 2), random.values(s.keys), random.values(s.keys)]
    let (x, y) = (inputs.map(Buffer.init), changes.map(Buffer.init))
    let (out, sums, found) = (
      Buffer(zeros: s.queries), Buffer(zeros: s.batch * s.heads * s.length), Buffer(zeros: s.queries)
    )
    let (wide, narrow) = (s.heads * s.dim, s.keyHeads * s.dim)
    var kernel = brake_attention(
      batch: s.batch, length: s.length, heads: s.heads, kv_heads: s.keyHeads, head_dim: s.dim,
      scale: Self.scale, q: x[0].pointer, ldq: wide, k: x[1].pointer, ldk: narrow, v: x[2].pointer,
      ldv: narrow, out: out.pointer, ldo: wide, log_sum: sums.pointer, window: s.window)
    var change = brake_attention_change(
      q: y[0].pointer, ldq: wide, k: y[1].pointer, ldk: narrow, v: y[2].pointer, ldv: narrow,
      out: found.pointer, ldo: wide)
    let tasks = brake_attention_task_count(&kernel)
    brake_attention_forward(&kernel, 0, tasks)
    for task in (0..<tasks).reversed() { brake_attention_tangent(&kernel, &change, task, task + 1) }
    func moved(_ by: Double) -> [Double] {
      let point = zip(inputs, changes).map { zip($0, $1).map { Double($0) + by * Double($1) } }
      return attention(s, point[0], point[1], point[2]).0
    }
    let slopes = zip(moved(1e-5), moved(-1e-5)).map { ($0 - $1) / 2e-5 }
    expectClose(found.values, slopes, within: 2e-6)
  }

  @Test(arguments: [
    AttentionShape(length: 21, heads: 4, keyHeads: 2, dim: 20),
    AttentionShape(length: 21, heads: 4, keyHeads: 2, dim: 20, window: 5),
    AttentionShape(length: 150, heads: 2, keyHeads: 1, dim: 3, window: 70),
    AttentionShape(length: 7, heads: 1, keyHeads: 1, dim: 3, window: 9),
  ])
  func `The gradient of the last query is that of all where others have none`(_ s: AttentionShape) {
    var random = Inputs(seed: 65)
    let (q, k, v) = (random.values(s.queries, scale: 4), random.values(s.keys), random.values(s.keys))
    let (wide, narrow) = (s.heads * s.dim, s.keyHeads * s.dim)
    let last = random.values(wide)
    let all = run(s, q, k, v, [Float](repeating: 0, count: s.queries - wide) + last)
    let inputs = [q, k, v, last, all.out, all.sums].map(Buffer.init)
    let outputs = [s.queries, s.keys, s.keys].map { Buffer(random.values($0)) }
    var x = brake_attention(
      batch: 1, length: s.length, heads: s.heads, kv_heads: s.keyHeads, head_dim: s.dim, scale: Self.scale,
      q: inputs[0].pointer, ldq: wide, k: inputs[1].pointer, ldk: narrow, v: inputs[2].pointer, ldv: narrow,
      out: inputs[4].pointer, ldo: wide, log_sum: inputs[5].pointer, window: s.window)
    var y = brake_attention_gradient(
      dout: inputs[3].pointer, lddo: wide, dq: outputs[0].pointer, lddq: wide, dk: outputs[1].pointer,
      lddk: narrow, dv: outputs[2].pointer, lddv: narrow)
    brake_attention_backward_last(&x, &y, 0, s.keyHeads)
    for (found, whole) in zip(outputs, [all.dq, all.dk, all.dv]) {
      expectClose(found.values, doubles(whole), within: 2e-6)
    }
  }
}
