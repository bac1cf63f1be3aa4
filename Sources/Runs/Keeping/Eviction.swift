import Artefacts
import Pipeline
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

  /// Actions by numbers, as the same ones are asked for again and again.
  private struct Node {
    let key: Digest
    let stage: String
    /// How long it took; nil if nobody knows, or it may come out otherwise the next time.
    let seconds: Double?
    /// Each once.
    let inputs: [Int]
    let outputs: [Int]
  }

  private var nodes: [Node] = []
  private var numbers: [Digest: Int] = [:]
  /// By the number of an artefact: whether it has gone, and the action that makes it out of sources; nil of these.
  private var isGone: [Bool] = []
  private var makers: [Int?] = []
  /// By the number of an action: in which look at prices it was last come across.
  private var seen: [Int] = []
  private var look = 0

  /// - Parameters:
  ///   - seconds: how long an action took; nil if nobody knows.
  ///   - gone: artefacts that are not in the store.
  init(_ graph: RecordGraph, seconds: (Digest) -> Double?, gone: Set<Digest>) {
    var artefacts: [Digest: Int] = [:]
    func number(_ artefact: Digest) -> Int {
      if let known = artefacts[artefact] { return known }
      artefacts[artefact] = artefacts.count
      return artefacts.count - 1
    }
    for (key, node) in graph.nodes.sorted(by: { $0.key < $1.key }) {
      numbers[key] = nodes.count
      nodes.append(
        Node(
          key: key, stage: node.stage, seconds: node.isDoubtful ? nil : seconds(key),
          inputs: Set(node.inputs).sorted().map(number), outputs: node.outputs.map { number($0.digest) }))
    }
    isGone = [Bool](repeating: false, count: artefacts.count)
    makers = [Int?](repeating: nil, count: artefacts.count)
    for (artefact, number) in artefacts {
      isGone[number] = gone.contains(artefact)
      makers[number] = graph.ways[artefact].flatMap { numbers[$0] }
    }
    seen = [Int](repeating: 0, count: nodes.count)
  }

  /// Chooses until so many bytes are free, or nothing is left to choose.
  /// - Parameter candidates: actions with what of their outputs may go, and how large that is.
  mutating func choose(
    _ candidates: [(key: Digest, objects: [Digest], bytes: Int)], toFree bytes: Int
  ) -> [Choice] {
    var choices: [Choice] = []
    var rest = bytes
    // Each choice can make others dearer, never cheaper: what is still the cheapest when its price is looked up again is it.
    var open = IndexHeap()
    var prices = [Int](repeating: 0, count: candidates.count)
    func ask(_ seconds: Double, _ number: Int) {
      prices[number] = Eviction.price(seconds, candidates[number].bytes)
      open.insert(number, prices[number])
    }
    for (number, candidate) in candidates.enumerated() where candidate.bytes > 0 {
      if let node = numbers[candidate.key], let seconds = cost(node) { ask(seconds, number) }
    }
    while rest > 0, let next = open.popSmallest() {
      let candidate = candidates[next]
      // What it was made of may have gone in a way that nobody can make up for.
      guard let node = numbers[candidate.key], let seconds = cost(node) else { continue }
      if Eviction.price(seconds, candidate.bytes) > prices[next] {
        ask(seconds, next)
        continue
      }
      choices.append(
        Choice(
          key: candidate.key, stage: nodes[node].stage, objects: candidate.objects, bytes: candidate.bytes,
          seconds: seconds))
      // A source that it copies stays.
      for output in nodes[node].outputs where makers[output] != nil { isGone[output] = true }
      rest -= candidate.bytes
    }
    return choices
  }

  /// Seconds a byte, as numbers in the same order.
  private static func price(_ seconds: Double, _ bytes: Int) -> Int {
    let price = seconds / Double(bytes)
    return price > 0 ? Int(price.bitPattern) : 0
  }

  /// What it takes to run an action again, and before it all those that made what it reads and is gone, each once; nil if nobody
  /// knows, or one of these cannot be run again.
  private mutating func cost(_ number: Int) -> Double? {
    look += 1
    seen[number] = look
    var sum = 0.0
    var open = [number]
    while let next = open.popLast() {
      guard let own = nodes[next].seconds else { return nil }
      sum += own
      for input in nodes[next].inputs where isGone[input] {
        guard let maker = makers[input] else { return nil }
        if seen[maker] == look { continue }
        seen[maker] = look
        open.append(maker)
      }
    }
    return sum
  }
}
