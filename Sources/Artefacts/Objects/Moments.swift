/// Second moments of an optimiser, predicted from the first ones.
///
/// Adam and its kin keep of each gradient g two averages: m' = β₁ m + (1 − β₁) g and v' = β₂ v + (1 − β₂) g² (Kingma and Ba 2015,
/// arXiv 1412.6980, algorithm 1). So who knows m, m' and v knows v', but for what rounding takes; what is kept is the difference
/// from that. A prediction that is wrong takes room, and nothing else.
///
/// Every processor and the Python package have to give the same bits. So each step is one operation of IEEE 754 on float64, or
/// rounds to float32, and the products that are added up are exact: whether they are fused with the sum changes nothing.
enum Moments {
  /// Bytes of an element: they are float32.
  static let width = 4

  /// The two rates and what the training has taken for one minus each, as float32, which is as it uses them.
  struct Rates: Hashable, Sendable {
    let first, ofGradient, second, ofSquare: Float

    static let length = 16

    var bytes: [UInt8] { [first, ofGradient, second, ofSquare].flatMap(\.bitPattern.littleEndianBytes) }

    /// - Parameter bytes: sixteen.
    init(bytes: [UInt8]) {
      func rate(_ index: Int) -> Float {
        Float(bitPattern: bytes.littleEndian(at: 4 * index, as: UInt32.self))
      }
      (first, ofGradient, second, ofSquare) = (rate(0), rate(1), rate(2), rate(3))
    }

    init(first: Double, second: Double, ofSquare: Double? = nil) {
      self.first = Float(first)
      ofGradient = Float(1 - first)
      self.second = Float(second)
      self.ofSquare = Float(ofSquare ?? 1 - second)
    }
  }

  /// What v' is likely to be; v where that is no number.
  @inline(__always)
  static func prediction(_ rates: Rates, now: Float, before: Float, second: Float) -> Float {
    let change = Double(now) - Double(rates.first) * Double(before)
    let gradient = Float(change / Double(rates.ofGradient))
    let part = rates.ofSquare * (gradient * gradient)
    let prediction = Float(Double(rates.second) * Double(second) + Double(part))
    return prediction == prediction ? prediction : second
  }

  /// Puts predictions of v' in the place of v.
  /// - Parameters:
  ///   - first: m' and m, as many bytes as `second` each.
  ///   - second: v. All are little-endian, as the processors are for which there is a brake.
  static func predict(
    _ rates: Rates, first: (now: UnsafeRawBufferPointer, before: UnsafeRawBufferPointer),
    second: UnsafeMutableRawBufferPointer
  ) {
    guard let now = first.now.baseAddress, let before = first.before.baseAddress,
      let second = second.baseAddress
    else { return }
    for index in 0..<first.now.count / width {
      let place = index * width
      let predicted = prediction(
        rates, now: now.loadUnaligned(fromByteOffset: place, as: Float.self),
        before: before.loadUnaligned(fromByteOffset: place, as: Float.self),
        second: second.loadUnaligned(fromByteOffset: place, as: Float.self))
      second.storeBytes(of: predicted, toByteOffset: place, as: Float.self)
    }
  }
}
