/// Finds out who shows no sign of life, by watching.
///
/// An owner counts as dead once its sign was the same in so many looks that they make up a quarter of an hour of the
/// observer's own monotonic clock. A gap between two looks counts as no more than the time that one should be: an observer that
/// was itself stopped, or cut off from the server together with the owner, learnt nothing meanwhile.
package struct LeftoverWatch {
  package static let interval = Duration.seconds(60)
  package static let patience = Duration.seconds(15 * 60)

  private struct Observation {
    var sign: [UInt8]
    var unchanged: Duration
  }

  private var seen: [String: Observation] = [:]
  private var last: Duration?

  package init() {}

  /// - Parameter signs: of all that are there, by name.
  /// - Returns: the names of the dead.
  package mutating func look(_ signs: [String: [UInt8]], at time: Duration) -> [String] {
    let passed = last.map { min(max(time - $0, .zero), LeftoverWatch.interval) } ?? .zero
    last = time
    var now: [String: Observation] = [:]
    for (name, sign) in signs {
      let unchanged = seen[name].map { $0.sign == sign ? $0.unchanged + passed : .zero } ?? .zero
      now[name] = Observation(sign: sign, unchanged: unchanged)
    }
    let dead = now.filter { $0.value.unchanged >= LeftoverWatch.patience }.map(\.key)
    for name in dead { now[name] = nil }
    seen = now
    return dead.sorted()
  }
}
