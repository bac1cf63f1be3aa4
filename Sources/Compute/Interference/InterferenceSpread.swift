public import JSON
public import System

/// Means and population standard deviations of D, M and |dL| over several batches. The mean of |dL| is not M (1 - D) of the
/// means.
public struct InterferenceSpread: Sendable, Hashable {
  public struct Quantity: Sendable, Hashable {
    public let mean, deviation: Double

    /// - Precondition: there is a value.
    init(_ values: [Double]) {
      let mean = Sums.mean(values)
      self.mean = mean
      deviation = Sums.mean(values.map { ($0 - mean) * ($0 - mean) }).squareRoot()
    }

    init(json: JSON) throws(Failure) {
      mean = try json.number("mean")
      deviation = try json.number("std")
      guard mean.isFinite, deviation.isFinite, deviation >= 0 else {
        throw Failure(.malformed, "a \"mean\" is not finite, or a \"std\" is none from 0 on")
      }
    }

    var json: JSON { ["mean": .number(mean), "std": .number(deviation)] }
  }

  /// D; nil where no loss of some batch has changed.
  public let destructive: Quantity?
  /// M and |dL|, in nats a token.
  public let magnitude, change: Quantity

  /// - Precondition: there is at least one batch.
  public init(_ batches: [LossInterference]) {
    let destructive = batches.compactMap(\.destructive)
    self.destructive = destructive.count == batches.count ? Quantity(destructive) : nil
    magnitude = Quantity(batches.map(\.magnitude))
    change = Quantity(batches.map(\.change.magnitude))
  }

  public init(json: JSON) throws(Failure) {
    let d = try json.member("D")
    destructive = d.isNull ? nil : try Quantity(json: d)
    magnitude = try Quantity(json: json.member("M"))
    change = try Quantity(json: json.member("abs_change"))
  }

  public var json: JSON {
    ["D": destructive?.json ?? .null, "M": magnitude.json, "abs_change": change.json]
  }
}
