import System

/// A moment: by the clock on the wall, and by one that never jumps.
struct Moment: Sendable {
  /// UTC, `2026-11-21T14:03:05.123Z`.
  let text: String
  /// Nanoseconds since some moment in the past.
  let nanoseconds: Int

  static func now() -> Moment {
    let wall = Int(SystemTime.real())
    let second = SystemTime.utc(wall / 1_000_000_000).dropLast()
    let milliseconds = String(1000 + wall / 1_000_000 % 1000).dropFirst()
    return Moment(text: "\(second).\(milliseconds)Z", nanoseconds: Int(SystemTime.monotonic()))
  }

  /// Seconds from another moment to this one.
  func seconds(since start: Moment) -> Double { Double(nanoseconds - start.nanoseconds) / 1e9 }
}
