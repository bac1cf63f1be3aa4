import JSON
import Runs

/// What actions that must run will most likely take: what the nearest recorded action of the same stage took.
struct Expectation {
  private let makings: [String: Making]
  private var asked: Set<String> = []

  init(_ explanations: [Explanation]) {
    makings = Dictionary(
      explanations.compactMap { each in each.relative?.making.map { (each.instance, $0) } },
      uniquingKeysWith: { first, _ in first })
  }

  /// Null where nothing of the stage has run before.
  mutating func json(of instance: String) -> JSON {
    asked.insert(instance)
    guard let making = makings[instance] else { return .null }
    return [
      "seconds": .number(making.seconds),
      "cpu_seconds": making.processorSeconds.map { .number($0) } ?? .null,
      "peak_memory": making.peakMemory.map { .integer(Int64($0)) } ?? .null,
    ]
  }

  /// Of all that were asked for, one after the other; nil where nothing is known.
  var words: String? {
    let known = makings.filter { asked.contains($0.key) }
    if known.isEmpty { return nil }
    let time = duration(known.values.reduce(0) { $0 + $1.seconds })
    let part = known.count == asked.count ? "" : " for \(known.count) of the \(asked.count)"
    let peak =
      known.values.compactMap(\.peakMemory).max().map { ", at most \(byteCount($0)) of memory" } ?? ""
    return "about \(time)\(part), one after the other\(peak), by what the most similar actions took"
  }
}
