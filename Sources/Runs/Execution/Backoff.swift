/// How long to wait before something that has failed is tried again: twice as long each time, and not just as long for all that
/// failed together.
struct Backoff: Sendable {
  var base = Duration.seconds(1)
  var most = Duration.seconds(60)
  /// From 0 to 1.
  var jitter: @Sendable () -> Double = { .random(in: 0..<1) }

  /// - Parameter attempts: how many have failed, at least 1.
  /// - Returns: between half and all of `base` · 2^(attempts - 1), which is `most` at most.
  func pause(after attempts: Int) -> Duration {
    let whole = min(base * (1 << min(attempts - 1, 30)), most)
    return whole * (0.5 + 0.5 * jitter())
  }
}
