import Artefacts
import JSON
import System

/// Which action of a store made what from what: as much of all records as is needed to find out what is needed.
struct RecordGraph {
  struct Node {
    let stage: String
    let outputs: [Artefact]
    let log: Digest?
    let inputs: [Digest]
    /// Whether it ran without a sandbox, so that it may make something else the next time.
    let isDoubtful: Bool
    /// The operation, or `command`.
    let kind: String
  }

  let nodes: [Digest: Node]
  /// Who made an artefact, by key.
  private(set) var makers: [Digest: [Digest]] = [:]
  /// An action that makes an artefact, by key, such that all of these lead back to sources. What has none is a source, though
  /// there may be actions that copy it.
  private(set) var ways: [Digest: Digest] = [:]

  /// - Throws: if a record cannot be read or believed: what it needs is not known then.
  init(of store: Store) throws {
    var unknown: Failure?
    var nodes: [Digest: Node] = [:]
    for record in try store.records(damaged: { unknown = unknown ?? $0 }) {
      try Task.checkCancellation()
      nodes[record.key] = Node(
        stage: record.stage, outputs: record.outputs.map(\.artefact), log: record.log,
        inputs: Lineage.inputs(of: record).map(\.digest), isDoubtful: record.doubt != nil,
        kind: record.manifest["operation"]?.string ?? "command")
    }
    if let unknown {
      throw Failure(
        .refused, "nothing was collected, since it is not known what is needed: \(unknown.headline)",
        facts: unknown.facts, hint: unknown.hint ?? "'brake verify' names what is damaged", cause: unknown)
    }
    self.init(nodes: nodes)
  }

  init(nodes: [Digest: Node]) {
    self.nodes = nodes
    for (key, node) in nodes.sorted(by: { $0.key < $1.key }) {
      for output in node.outputs where makers[output.digest]?.last != key {
        makers[output.digest, default: []].append(key)
      }
    }
    findWays()
  }

  private mutating func findWays() {
    // Of each action how many of its inputs are not explained yet, and who waits for them.
    var missing: [Digest: Int] = [:]
    var readers: [Digest: [Digest]] = [:]
    var open: [Digest] = []
    for key in nodes.keys.sorted() {
      let made = Set(nodes[key]!.inputs).filter { makers[$0] != nil }
      missing[key] = made.count
      for input in made { readers[input, default: []].append(key) }
      if made.isEmpty { open.append(key) }
    }
    var explained: Set<Digest> = []
    func explain(_ artefact: Digest) {
      for reader in readers[artefact] ?? [] {
        missing[reader]! -= 1
        if missing[reader] == 0 { open.append(reader) }
      }
    }
    var waiting = readers.keys.sorted()
    var done = 0
    while true {
      // Those that were found first have the shortest ways.
      while done < open.count {
        for output in nodes[open[done]]!.outputs where explained.insert(output.digest).inserted {
          ways[output.digest] = open[done]
          explain(output.digest)
        }
        done += 1
      }
      // What is made only of itself must have come from elsewhere.
      guard let next = waiting.popLast() else { return }
      if explained.contains(next) { continue }
      for artefact in circle(from: next, explained) where explained.insert(artefact).inserted {
        explain(artefact)
      }
      waiting.append(next)
    }
  }

  /// Artefacts each of which is made of the next, and the last of the first, where every way back leads to such a circle.
  private func circle(from start: Digest, _ explained: Set<Digest>) -> ArraySlice<Digest> {
    var path: [Digest] = []
    var places: [Digest: Int] = [:]
    var next: Digest? = start
    while let artefact = next, places[artefact] == nil {
      places[artefact] = path.count
      path.append(artefact)
      // Who copies an artefact says less of where it comes from than who makes it of something else.
      let makers = makers[artefact] ?? []
      let maker = makers.first { !nodes[$0]!.inputs.contains(artefact) } ?? makers.first
      next = maker.flatMap { nodes[$0] }?.inputs.first { self.makers[$0] != nil && !explained.contains($0) }
    }
    return path[(next.flatMap { places[$0] } ?? 0)...]
  }

  /// What all records name: outputs, and logs.
  var named: [Artefact] {
    nodes.values.flatMap { node in
      node.outputs + (node.log.map { [Artefact(digest: $0, kind: .blob, size: 0)] } ?? [])
    }
  }

  /// The actions that made some artefacts, those that made what these read, and so on.
  func makers(of artefacts: some Sequence<Digest>) -> Set<Digest> {
    var found: Set<Digest> = []
    var open = Array(artefacts)
    var seen: Set<Digest> = []
    while let next = open.popLast() {
      guard seen.insert(next).inserted else { continue }
      for key in makers[next] ?? [] where found.insert(key).inserted { open += nodes[key]!.inputs }
    }
    return found
  }
}
