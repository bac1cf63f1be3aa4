import Artefacts
import JSON
import Pipeline

/// The stage instances of a selection and what they read, as nodes and edges.
struct PipelineGraph {
  enum Kind: String { case stage, deferred, file, artefact }

  struct Node: Hashable {
    let kind: Kind
    let name: String
  }

  struct Edge: Hashable {
    let from: Node
    let to: Node
    /// The name of the input; nothing where a stage waits for keys.
    let input: String
    /// The name of the output it reads; nothing of a file.
    let output: String
  }

  /// Stages in plan order, each after the files that it is the first to read.
  private(set) var nodes: [Node] = []
  private(set) var edges: [Edge] = []
  private var seenNodes: Set<Node> = []
  private var seenEdges: Set<Edge> = []

  init(_ selection: Plan.Selection) {
    for instance in selection.instances {
      let node = Node(kind: .stage, name: instance.name)
      for input in instance.inputs { connect(input.source, to: node, input: input.name) }
      add(node)
    }
    for stage in selection.deferred {
      let node = Node(kind: .deferred, name: stage.stage)
      add(node)
      for output in stage.waitsFor {
        add(Edge(from: Node(kind: .stage, name: output.instance), to: node, input: "", output: output.output))
      }
    }
  }

  private mutating func connect(_ source: InputSource, to node: Node, input: String) {
    switch source {
    case .file(let path): add(Edge(from: Node(kind: .file, name: path), to: node, input: input, output: ""))
    case .artefact(let digest):
      add(Edge(from: Node(kind: .artefact, name: digest.short), to: node, input: input, output: ""))
    case .output(let instance, let output, _), .members(let instance, let output):
      add(Edge(from: Node(kind: .stage, name: instance), to: node, input: input, output: output))
    case .collection(let members):
      for member in members { connect(member.source, to: node, input: input) }
    }
  }

  private mutating func add(_ node: Node) { if seenNodes.insert(node).inserted { nodes.append(node) } }

  private mutating func add(_ edge: Edge) {
    if edge.from.kind != .stage { add(edge.from) }
    if seenEdges.insert(edge).inserted { edges.append(edge) }
  }

  private var identifiers: [Node: String] {
    Dictionary(uniqueKeysWithValues: nodes.enumerated().map { ($1, "n\($0)") })
  }

  /// A Mermaid flow chart.
  var mermaid: String {
    func label(_ text: String) -> String { "\"" + text.replacing("\"", with: "#quot;") + "\"" }
    let names = identifiers
    var lines = ["flowchart LR"]
    for node in nodes {
      let shape =
        switch node.kind {
        case .stage: "[\(label(node.name))]"
        case .deferred: "[[\(label(node.name))]]"
        case .file: "(\(label(node.name)))"
        case .artefact: "[(\(label(node.name)))]"
        }
      lines.append("  \(names[node]!)\(shape)")
    }
    for edge in edges {
      guard let from = names[edge.from], let to = names[edge.to] else { continue }
      lines.append("  \(from) --" + (edge.output.isEmpty ? "> " : " \(label(edge.output)) --> ") + to)
    }
    return lines.joined(separator: "\n")
  }

  /// A directed graph for Graphviz.
  var dot: String {
    func label(_ text: String) -> String {
      "\"" + text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
    }
    let names = identifiers
    var lines = ["digraph pipeline {", "  rankdir=LR;", "  node [fontname=\"sans-serif\"];"]
    for node in nodes {
      let look =
        switch node.kind {
        case .stage: "shape=box"
        case .deferred: "shape=box, style=dashed"
        case .file: "shape=note"
        case .artefact: "shape=cylinder"
        }
      lines.append("  \(names[node]!) [label=\(label(node.name)), \(look)];")
    }
    for edge in edges {
      guard let from = names[edge.from], let to = names[edge.to] else { continue }
      lines.append("  \(from) -> \(to)" + (edge.output.isEmpty ? ";" : " [label=\(label(edge.output))];"))
    }
    return (lines + ["}"]).joined(separator: "\n")
  }

  var json: JSON {
    [
      "nodes": .array(nodes.map { ["name": .string($0.name), "kind": .string($0.kind.rawValue)] }),
      "edges": .array(
        edges.map {
          [
            "from": .string($0.from.name), "to": .string($0.to.name), "input": .string($0.input),
            "output": .string($0.output),
          ]
        }),
    ]
  }
}
