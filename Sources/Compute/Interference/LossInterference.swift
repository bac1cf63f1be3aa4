public import JSON

/// How far changes of loss cancel each other: destructive interference in losses (Mircea et al. 2025, arXiv 2506.05447).
///
///     D = 1 - |sum_i dl_i| / sum_i |dl_i|     M = mean_i |dl_i|     |dL| = |mean_i dl_i| = M (1 - D)
///
/// where dl_i is what the loss of token i has changed by, in nats. D is 0 where all tokens change in the same direction and
/// 1 where they cancel; that D goes to 1 while M stays up is zero-sum learning.
public struct LossInterference: Sendable, Hashable {
  public private(set) var tokens = 0
  /// Over the tokens: of dl, and of |dl|.
  public private(set) var sum = 0.0
  public private(set) var absoluteSum = 0.0
  /// Tokens whose loss went up.
  public private(set) var worse = 0

  public init() {}

  public init(_ changes: some Sequence<Float>) {
    for change in changes { add(Double(change)) }
  }

  public mutating func add(_ change: Double) {
    tokens += 1
    sum += change
    absoluteSum += change.magnitude
    if change > 0 { worse += 1 }
  }

  /// The sums of both sets of tokens.
  public static func += (a: inout LossInterference, b: LossInterference) {
    a.tokens += b.tokens
    a.sum += b.sum
    a.absoluteSum += b.absoluteSum
    a.worse += b.worse
  }

  /// D; nil where no loss has changed.
  public var destructive: Double? { absoluteSum > 0 ? 1 - sum.magnitude / absoluteSum : nil }
  /// M, in nats a token.
  public var magnitude: Double { absoluteSum / Double(tokens) }
  /// The change of the mean loss, in nats a token: below 0 where it went down.
  public var change: Double { sum / Double(tokens) }

  /// As results name them; `worse` is a share.
  public var members: [String: JSON] {
    [
      "tokens": .whole(tokens), "D": .optional(destructive), "M": .number(magnitude),
      "change": .number(change), "worse": .number(Double(worse) / Double(tokens)),
    ]
  }
}
