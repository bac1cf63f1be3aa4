/// Values from the lowest to the highest, with percentiles interpolated linearly between them.
struct OrderedValues {
  private let values: [Double]

  /// - Parameter values: at least one, in any order.
  init(_ values: some Sequence<Double>) { self.values = values.sorted() }

  /// - Parameter p: 0 for the lowest value, 1 for the highest.
  func percentile(_ p: Double) -> Double {
    let place = p * Double(values.count - 1)
    let below = Int(place)
    let (low, high) = (values[below], values[min(below + 1, values.count - 1)])
    return low + (place - Double(below)) * (high - low)
  }

  /// What another draw from the same distribution lies below with the probability p: the i-th of n values at p = i / (n + 1).
  func predicted(_ p: Double) -> Double {
    let place = p * Double(values.count + 1) - 1
    return percentile(min(max(place / Double(max(values.count - 1, 1)), 0), 1))
  }
}
