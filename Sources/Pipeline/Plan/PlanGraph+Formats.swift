import Actions
public import JSON

extension Plan {
  /// All instances as a Mermaid flow chart. Above 60 instances a stage is one node. Equal plans give equal text.
  public func mermaid() -> String { PlanGraph(instances, deferred).mermaid() }
  /// All instances in Graphviz' language.
  public func dot() -> String { PlanGraph(instances, deferred).dot() }
  /// `{"nodes": [{"name", "kind", "detail", "resources"}], "edges": [{"from", "to", "output"}]}`; files are named
  /// `./PATH`.
  public func json() -> JSON { PlanGraph(instances, deferred).json() }
}

extension Plan.Selection {
  /// The selected instances as a Mermaid flow chart. Above 60 instances a stage is one node.
  public func mermaid() -> String { PlanGraph(instances, deferred).mermaid() }
  /// The selected instances in Graphviz' language.
  public func dot() -> String { PlanGraph(instances, deferred).dot() }
  /// `{"nodes": [{"name", "kind", "detail", "resources"}], "edges": [{"from", "to", "output"}]}`; files are named
  /// `./PATH`.
  public func json() -> JSON { PlanGraph(instances, deferred).json() }
}

extension PlanGraph {
  func mermaid() -> String {
    var lines = ["flowchart LR"]
    for (number, node) in nodes.enumerated() {
      let title = PlanGraph.entities(node.title)
      let text =
        "\"" + title + (node.detail.map { "<br/><small>\(PlanGraph.entities($0))</small>" } ?? "") + "\""
      switch node.kind {
      case .file, .artefact: lines.append("  n\(number)[/\(text)/]")
      case .operation: lines.append("  n\(number)[\(text)]")
      case .command: lines.append("  n\(number)([\(text)])")
      case .deferred: lines.append("  n\(number){{\(text)}}")
      }
    }
    for edge in edges {
      let label = edge.label.isEmpty ? "" : "|\"\(PlanGraph.entities(edge.label))\"|"
      lines.append("  n\(edge.from) -->\(label) n\(edge.to)")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  func dot() -> String {
    var lines = ["digraph pipeline {", "  rankdir=LR;", "  node [fontname=\"sans-serif\"];"]
    for (number, node) in nodes.enumerated() {
      let text = PlanGraph.escaped(node.title) + (node.detail.map { "\\n" + PlanGraph.escaped($0) } ?? "")
      let shape =
        switch node.kind {
        case .file, .artefact: "note"
        case .operation: "box"
        case .command: "box, style=rounded"
        case .deferred: "box, style=dashed"
        }
      lines.append("  n\(number) [label=\"\(text)\", shape=\(shape)];")
    }
    for edge in edges {
      let label = edge.label.isEmpty ? "" : " [label=\"\(PlanGraph.escaped(edge.label))\"]"
      lines.append("  n\(edge.from) -> n\(edge.to)\(label);")
    }
    return (lines + ["}"]).joined(separator: "\n") + "\n"
  }

  func json() -> JSON {
    let names = nodes.map { $0.kind == .file && !$0.title.hasPrefix("/") ? "./" + $0.title : $0.title }
    let nodes = zip(nodes, names).map { node, name -> JSON in
      [
        "name": .string(name), "kind": .string(node.kind.rawValue),
        "detail": node.detail.map { .string($0) } ?? .null,
        "resources": node.resources?.json ?? .null,
      ]
    }
    let edges = edges.map { edge -> JSON in
      ["from": .string(names[edge.from]), "to": .string(names[edge.to]), "output": .string(edge.label)]
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
