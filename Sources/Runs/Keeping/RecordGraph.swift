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
        hint: unknown.hint ?? "'brake verify' names what is damaged", cause: unknown)
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
