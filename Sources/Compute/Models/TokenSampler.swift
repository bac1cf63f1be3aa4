/// Draws tokens by their logits l with probabilities in proportion to exp(l / temperature).
public struct TokenSampler: Sendable {
  private let temperature: Double
  private let random: Philox

  /// - Parameter temperature: from 0 on; at 0 the token is the one with the largest logit, of several the first.
  public init(temperature: Double, seed: UInt64) {
    self.temperature = temperature
    random = Philox(seed: seed)
  }

  /// - Parameters:
  ///   - logits: of the tokens from 0 on; at least one.
  ///   - index: of the draw; the same one gives the same token.
  public func token(_ logits: ArraySlice<Float>, index: Int) -> Int {
    var (best, largest) = (logits.startIndex, -Float.infinity)
    for place in logits.indices where logits[place] > largest { (best, largest) = (place, logits[place]) }
    guard temperature > 0 else { return best - logits.startIndex }
    let weights = logits.map { Elementary.exp((Double($0) - Double(largest)) / temperature) }
    let part = Double(random.bits(stream: Streams.sample, index: UInt64(index)).0 >> 11) * 0x1p-53
    var left = part * weights.reduce(0, +)
    for (token, weight) in weights.enumerated() {
      left -= weight
      if left < 0 { return token }
    }
    return best - logits.startIndex
  }
}
