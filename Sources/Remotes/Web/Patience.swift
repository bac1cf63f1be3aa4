import Glibc
import System

/// How long one goes on asking a server that does not answer as it should.
struct Patience {
  private var tries = 0
  static let mostTries = 5
  /// Seconds for which a server can ask one to wait.
  private static let longest = 60.0

  /// Waits before the next try: as long as the server asks for, or else twice as long as the last time, a little more or less
  /// so that many who were refused at once do not come back at once.
  /// - Returns: false if it has been tried often enough, or the server asks for more time than anybody has.
  mutating func wait(askedFor seconds: Double? = nil, afterSilence: Bool = false) throws -> Bool {
    tries += 1
    // Who was silent for long has taken enough time.
    if afterSilence && tries > 1 { return false }
    if tries >= Patience.mostTries { return false }
    if let seconds, seconds > Patience.longest { return false }
    let own = 0.25 * Double(1 << (tries - 1)) * Double.random(in: 0.75...1.25)
    try Patience.sleep(max(own, seconds ?? 0))
    return true
  }

  /// Waits, unless the task is cancelled.
  private static func sleep(_ seconds: Double) throws {
    let end = ContinuousClock.now + .seconds(seconds)
    while ContinuousClock.now < end {
      try Task.checkCancellation()
      usleep(20_000)
    }
  }
}
