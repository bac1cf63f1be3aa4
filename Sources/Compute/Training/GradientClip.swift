internal import CKernels

/// The limit on the gradient's norm over all parameters (Pascanu, Mikolov and Bengio 2013, arXiv 1211.5063).
public enum GradientClip {
  /// The Euclidean norm of all values, summed in float64 in a fixed order.
  public static func norm(_ gradients: Parameters, threads: Threads) -> Double {
    let (start, chunk) = (gradients.start, Int(BRAKE_REDUCTION_CHUNK))
    var sums = [Double](repeating: 0, count: (gradients.count + chunk - 1) / chunk)
    sums.withUnsafeMutableBufferPointer { sums in
      let sums = sums.baseAddress!
      threads.ranges(gradients.count, grain: chunk, work: 2 * gradients.count) { range in
        for first in Swift.stride(from: range.lowerBound, to: range.upperBound, by: chunk) {
          sums[first / chunk] = brake_sum_squares(start + first, min(chunk, range.upperBound - first))
        }
      }
    }
    return sums.reduce(0, +).squareRoot()
  }

  /// What gradients are multiplied by: min(1, limit / (norm + 1e-6)), as PyTorch's clip_grad_norm_.
  /// - Parameter limit: 0 for no limit.
  public static func factor(norm: Double, limit: Double) -> Double {
    limit > 0 ? min(1, limit / (norm + 1e-6)) : 1
  }
}
