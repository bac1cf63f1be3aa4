/// What is shown while training: at most a few times a second.
struct LMProgress {
  private let last, tokens: Int
  private let updates: Int
  private var shown = 0.0

  /// - Parameters:
  ///   - updates: of this link.
  ///   - tokens: of an update.
  init(updates: ClosedRange<Int>, tokens: Int) {
    last = updates.upperBound
    self.updates = updates.count
    self.tokens = tokens
  }

  /// The part of the link that is done, and `step 300/512, loss 2.345, 48210 tokens/s, 0:12 to the checkpoint`; nil where
  /// it is too early to show more.
  /// - Parameter seconds: since the link began to train.
  mutating func report(
    after update: LMSegment.Update, seconds: Double
  ) -> (fraction: Double, text: String)? {
    let left = last - update.step
    guard seconds - shown > 0.1 || left == 0 else { return nil }
    shown = seconds
    let made = updates - left
    let rate = Double(made) / max(1e-9, seconds)
    let loss = (update.loss * 1000).rounded() / 1000
    let text =
      "step \(update.step)/\(last), loss \(loss), \(Int(rate * Double(tokens))) tokens/s, "
      + "\(Self.clock(Double(left) / rate)) to the checkpoint"
    return (Double(made) / Double(updates), text)
  }

  /// `0:07`, `65:00`.
  private static func clock(_ seconds: Double) -> String {
    let whole = Int(min(seconds.rounded(.up), 1e9))
    return "\(whole / 60):\(whole % 60 < 10 ? "0" : "")\(whole % 60)"
  }
}
