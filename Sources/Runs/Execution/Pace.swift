/// Does what takes the longer the more there is no more often than leaves ten times as long for everything else.
struct Pace {
  private var next = ContinuousClock.now

  /// Whether it is time to do it again.
  var isDue: Bool { ContinuousClock.now >= next }
  /// How long it is until then.
  var rest: Duration { max(.zero, next - .now) }

  /// It was done just now.
  mutating func ended(since start: ContinuousClock.Instant) {
    next = .now + min((.now - start) * 10, Pace.longest)
  }

  /// However long it took: a machine that slept meanwhile, or a file system that hung, is no reason to wait as long again.
  private static let longest = Duration.seconds(30)
}
