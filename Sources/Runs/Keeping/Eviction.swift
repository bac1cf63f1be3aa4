import Artefacts
import System

/// What is taken out of a store that is to become smaller although everything in it is needed: first what costs the least
/// time to make again for each byte.
///
/// An action whose inputs were removed costs what it takes to make these again, too. Nothing is taken that no other action has read,
/// since the next run would make it again at once, nothing that a reference, a pin, a
/// workspace or another person has, nothing that is in use, nothing of which nobody knows how long it took, and nothing that
/// was made without a sandbox, which may come out otherwise the next time.
struct Eviction {
  struct Choice {
    let key: Digest
    let stage: String
    let objects: [Digest]
    let bytes: Int
    /// What it takes to make it again, with what was chosen before.
    let seconds: Double

    func with(_ objects: [Digest], bytes: Int) -> Choice {
      Choice(key: key, stage: stage, objects: objects, bytes: bytes, seconds: seconds)
    }
  }

  private let graph: RecordGraph
  private let seconds: (Digest) -> Double?
  private var gone: Set<Digest> = []

  /// - Parameters:
  ///   - seconds: how long an action took; nil if nobody knows.
  ///   - gone: artefacts that are not in the store.
  init(_ graph: RecordGraph, seconds: @escaping (Digest) -> Double?, gone: Set<Digest>) {
    self.graph = graph
    self.seconds = seconds
    self.gone = gone
  }

  /// Chooses until so many bytes are free, or nothing is left to choose.
  /// - Parameter candidates: actions with what of their outputs may go, and how large that is.
  mutating func choose(
    _ candidates: [(key: Digest, objects: [Digest], bytes: Int)], toFree bytes: Int
  ) -> [Choice] {
    var choices: [Choice] = []
    var rest = bytes
    var open = candidates.filter { $0.bytes > 0 && cost($0.key) != nil }
    // Each choice can make others dearer, never cheaper: what is still the cheapest when its price is looked up again is it.
    func price(_ candidate: (key: Digest, objects: [Digest], bytes: Int)) -> Double {
      (cost(candidate.key) ?? .infinity) / Double(candidate.bytes)
    }
    var prices = open.map { (price: price($0), key: $0.key) }
    var order = open.indices.sorted {
      (prices[$1].price, prices[$0].key) > (prices[$0].price, prices[$1].key)
    }
    order.reverse()
    while rest > 0, let next = order.popLast() {
      let now = price(open[next])
      if now > prices[next].price {
        prices[next].price = now
        let place = order.firstIndex { prices[$0].price <= now } ?? order.endIndex
        order.insert(next, at: place)
        continue
      }
      // What it was made of may have gone in a way that nobody can make up for.
      guard let seconds = cost(open[next].key) else { continue }
      choices.append(
        Choice(
          key: open[next].key, stage: graph.nodes[open[next].key]?.stage ?? "", objects: open[next].objects,
          bytes: open[next].bytes, seconds: seconds))
      gone.formUnion(graph.nodes[open[next].key]?.outputs.map(\.digest) ?? [])
      rest -= open[next].bytes
      open[next].bytes = 0
    }
    return choices
  }

  /// What it takes to run an action again, and before it all those that made what it reads and is gone, each once; nil if nobody
  /// knows, or one of these cannot be run again.
  private func cost(_ key: Digest) -> Double? {
    var sum = 0.0
    var seen: Set<Digest> = [key]
    var open = [key]
    while let next = open.popLast() {
      guard let node = graph.nodes[next], !node.isDoubtful, let own = seconds(next) else { return nil }
      sum += own
      for input in node.inputs where gone.contains(input) {
        guard let maker = graph.makers[input]?.first else { return nil }
        if seen.insert(maker).inserted { open.append(maker) }
      }
    }
    return sum
  }
}
