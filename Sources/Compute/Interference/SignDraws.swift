public import JSON
internal import System

/// How far tokens' gradients cancel by chance alone: in each draw every token's gradient is turned round or not, as a coin
/// falls, so that all magnitudes stay as they are. Coordinates keep what they have in common, as one sign is drawn for all of
/// them. Where tokens' gradients are independent and symmetric about zero, what was found is one more such draw.
public struct SignDraws: Sendable, Hashable {
  /// D(grad) and C_g without embeddings, of each draw. C_g is not finite where no change of the parameters was given.
  public let destructive, overTokens: [Double]

  /// Over the draws: their mean, and their standard deviation.
  static func spread(_ values: [Double]) -> (mean: Double, deviation: Double) {
    let mean = values.reduce(0, +) / Double(values.count)
    let squares = values.reduce(0.0) { $0 + ($1 - mean) * ($1 - mean) }
    return (mean, (squares / Double(values.count - 1)).squareRoot())
  }

  public var json: JSON {
    let (d, c) = (Self.spread(destructive), Self.spread(overTokens))
    var members: [String: JSON] = [
      "draws": .integer(Int64(destructive.count)), "D": .number(d.mean), "D_deviation": .number(d.deviation),
    ]
    if c.mean.isFinite {
      members.merge(["C_g": .number(c.mean), "C_g_deviation": .number(c.deviation)]) { $1 }
    }
    return .object(members)
  }
}

extension TokenGradientAccumulator {
  /// Draws signs for the tokens that have been added. A draw is an ordinary pass: with G_+ the gradient of the tokens whose
  /// sign is plus, sum_i s_i g_i = 2 G_+ - G.
  /// - Parameters:
  ///   - batches: all that were added, in order.
  ///   - count: of draws, at least 2.
  ///   - progress: is told before each draw how many there are; what it throws ends the computation.
  /// - Throws: as `add(_:)`, or what `progress` throws.
  public func drawSigns(
    _ batches: [TokenBatch], count: Int, seed: UInt64, progress: (_ drawn: Int) throws -> Void = { _ in }
  ) throws -> SignDraws {
    precondition(count > 1, "a spread needs two draws")
    let random = Philox(seed: seed)
    let plus = Parameters(model)
    var (destructive, overTokens) = ([Double](), [Double]())
    for draw in 0..<count {
      try progress(draw)
      plus.setToZero()
      var first = 0
      for batch in batches {
        let targets = batch.targets.enumerated().map { row, target in
          random.bits(stream: Streams.signs(draw), index: UInt64(first + row)).0 & 1 == 0 ? target : -1
        }
        first += targets.count
        let part = try TokenBatch(
          sequences: batch.sequences, length: batch.length, inputs: batch.inputs, targets: targets)
        _ = try transformer.addGradients(of: part, weights: weights, to: plus, scale: 1)
      }
      let found = remainder(plus)
      destructive.append(found.destructive)
      overTokens.append(found.overTokens)
    }
    return SignDraws(destructive: destructive, overTokens: overTokens)
  }
}
