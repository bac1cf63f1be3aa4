public import JSON

extension Plan {
  /// All instances as a Mermaid flow chart. Above 60 instances a stage is one node. Equal plans give equal text.
  public func mermaid() -> String { PlanGraph(instances, deferred).mermaid() }
  /// All instances in Graphviz' language.
  public func dot() -> String { PlanGraph(instances, deferred).dot() }
  /// `{"nodes": [{"id", "kind", "name", "detail"}], "edges": [{"from", "to", "label"}]}`.
  public func json() -> JSON { PlanGraph(instances, deferred).json() }
}

extension Plan.Selection {
  /// The selected instances as a Mermaid flow chart. Above 60 instances a stage is one node.
  public func mermaid() -> String { PlanGraph(instances, deferred).mermaid() }
  /// The selected instances in Graphviz' language.
  public func dot() -> String { PlanGraph(instances, deferred).dot() }
  /// `{"nodes": [{"id", "kind", "name", "detail"}], "edges": [{"from", "to", "label"}]}`.
  public func json() -> JSON { PlanGraph(instances, deferred).json() }
}

extension PlanGraph {
  func mermaid() -> String {
    var lines = ["flowchart LR"]
    for node in nodes {
      let title = PlanGraph.entities(node.title)
      let text =
        "\"" + title + (node.detail.map { "<br/><small>\(PlanGraph.entities($0))</small>" } ?? "") + "\""
      switch node.kind {
      case .file, .artefact: lines.append("  \(node.id)[/\(text)/]")
      case .operation: lines.append("  \(node.id)[\(text)]")
      case .command: lines.append("  \(node.id)([\(text)])")
      case .deferred: lines.append("  \(node.id){{\(text)}}")
      }
    }
    for edge in edges {
      let label = edge.label.isEmpty ? "" : "|\"\(PlanGraph.entities(edge.label))\"|"
      lines.append("  \(nodes[edge.from].id) -->\(label) \(nodes[edge.to].id)")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  func dot() -> String {
    var lines = ["digraph pipeline {", "  rankdir=LR;", "  node [fontname=\"sans-serif\"];"]
    for node in nodes {
      let text = PlanGraph.escaped(node.title) + (node.detail.map { "\\n" + PlanGraph.escaped($0) } ?? "")
      let shape =
        switch node.kind {
        case .file, .artefact: "note"
        case .operation: "box"
        case .command: "box, style=rounded"
        case .deferred: "box, style=dashed"
        }
      lines.append("  \(node.id) [label=\"\(text)\", shape=\(shape)];")
    }
    for edge in edges {
      let label = edge.label.isEmpty ? "" : " [label=\"\(PlanGraph.escaped(edge.label))\"]"
      lines.append("  \(nodes[edge.from].id) -> \(nodes[edge.to].id)\(label);")
    }
    return (lines + ["}"]).joined(separator: "\n") + "\n"
  }

  func json() -> JSON {
    let nodes = nodes.map { node -> JSON in
      [
        "id": .string(node.id), "kind": .string(node.kind.rawValue), "name": .string(node.title),
        "detail": node.detail.map { .string($0) } ?? .null,
      ]
    }
    let edges = edges.map { edge -> JSON in
      [
        "from": .string(self.nodes[edge.from].id), "to": .string(self.nodes[edge.to].id),
        "label": .string(edge.label),
      ]
    }
    return ["nodes": .array(nodes), "edges": .array(edges)]
  }

  /// Mermaid reads some characters in a label as its own.
  private static func entities(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "<", ">", "&", "#", "|", "`": result += "#\(scalar.value);"
      case "\n", "\r": result += " "
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }

  private static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": result += "\\\(scalar)"
      case "\n", "\r": result += " "
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
