/// Does what takes the longer the more there is no more often than leaves ten times as long for everything else.
struct Pace {
  private var next = ContinuousClock.now

  /// Whether it is time to do it again.
  var isDue: Bool { ContinuousClock.now >= next }
  /// How long it is until then.
  var rest: Duration { max(.zero, next - .now) }

  /// It was done just now.
  mutating func ended(since start: ContinuousClock.Instant) { next = .now + (.now - start) * 10 }
}
