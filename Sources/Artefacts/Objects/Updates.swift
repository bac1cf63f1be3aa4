/// Weights after an update, predicted from those before it and from what the optimiser has kept of gradients since.
///
/// Adam with decoupled decay makes w' = w - lr wd w - lr (m' / (1 - beta1^t)) / (sqrt(v' / (1 - beta2^t)) + eps) (Loshchilov and Hutter
/// 2019, arXiv 1711.05101, algorithm 2). That is w - d w - a m' / (sqrt(v') + e) with three numbers, which are the same for all
/// weights that are updated alike. So who knows w, m' and v' knows w', but for what rounding takes; what is kept is the
/// difference from that. A prediction that is wrong takes room, and nothing else.
///
/// Every processor and the Python package have to give the same bits. So each step is one operation of IEEE 754 on float32, and
/// what is decayed is computed in float64, where the product is exact: there is nothing that could be fused.
enum Updates {
  /// Bytes of an element: they are float32.
  static let width = 4

  /// d, a and e.
  struct Rates: Hashable, Sendable {
    let decay, step, floor: Float
  }

  /// So many weights of a chunk, one behind the other, were updated alike.
  struct Stretch: Hashable, Sendable {
    var count: Int
    let rates: Rates

    static let length = 16

    var bytes: [UInt8] {
      UInt32(count).littleEndianBytes
        + [rates.decay, rates.step, rates.floor].flatMap(\.bitPattern.littleEndianBytes)
    }

    /// - Parameter bytes: those of stretches, one behind the other.
    init(_ bytes: [UInt8], at index: Int) {
      func number(_ part: Int) -> UInt32 {
        bytes.littleEndian(at: index * Stretch.length + 4 * part, as: UInt32.self)
      }
      count = Int(number(0))
      rates = Rates(
        decay: Float(bitPattern: number(1)), step: Float(bitPattern: number(2)),
        floor: Float(bitPattern: number(3)))
    }

    init(count: Int, rates: Rates) {
      self.count = count
      self.rates = rates
    }
  }

  /// Stretches of a chunk, at most: what they take fits into the room that a chunk has beside its bytes.
  static let stretchLimit = 64

  /// What w' is likely to be; w where that is no number.
  @inline(__always)
  static func prediction(_ rates: Rates, weight: Float, first: Float, second: Float) -> Float {
    let kept = Float(Double(weight) - Double(rates.decay) * Double(weight))
    let change = (rates.step * first) / (second.squareRoot() + rates.floor)
    let prediction = kept - change
    return prediction == prediction ? prediction : weight
  }

  /// Puts predictions of w' in the place of w.
  /// - Parameters:
  ///   - stretches: their counts add up to the number of weights.
  ///   - first: m', as many bytes as `weights`, and `second` v'. All are little-endian, as the processors are for which
  ///     there is a brake.
  static func predict(
    _ stretches: [Stretch], first: UnsafeRawBufferPointer, second: UnsafeRawBufferPointer,
    weights: UnsafeMutableRawBufferPointer
  ) {
    guard let first = first.baseAddress, let second = second.baseAddress, let weights = weights.baseAddress
    else { return }
    var start = 0
    for stretch in stretches {
      for index in start..<start + stretch.count {
        let place = index * width
        let predicted = prediction(
          stretch.rates, weight: weights.loadUnaligned(fromByteOffset: place, as: Float.self),
          first: first.loadUnaligned(fromByteOffset: place, as: Float.self),
          second: second.loadUnaligned(fromByteOffset: place, as: Float.self))
        weights.storeBytes(of: predicted, toByteOffset: place, as: Float.self)
      }
      start += stretch.count
    }
  }
}
