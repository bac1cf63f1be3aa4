import Pipeline
import Report

/// A graph as a drawing in a page, whose nodes are links.
struct GraphDrawing {
  let graph: PlanGraph
  /// Where the page tells of a node; nil if it does not.
  let address: (PlanGraph.Node) -> String?

  /// Characters of a label.
  private static let longest = 34

  var markup: Markup {
    let labels = graph.nodes.map { node in
      (
        title: node.title.printable.elided(to: GraphDrawing.longest),
        detail: node.detail?.printable.elided(to: GraphDrawing.longest + 6)
      )
    }
    let layout = GraphLayout(
      graph,
      sizes: labels.map { label in
        let width = max(label.title.count * 8, (label.detail?.count ?? 0) * 6) + 22
        return (width, label.detail == nil ? 28 : 42)
      })
    let ways = zip(graph.edges, layout.ways).map { edge, way -> Markup in
      """
      <path d="\(Markup(verbatim: GraphDrawing.path(way)))"><title>\(graph.nodes[edge.from].title.printable) to \
      \(graph.nodes[edge.to].title.printable)\(edge.label.isEmpty ? "" : ": \(edge.label.printable)")</title></path>
      """
    }
    let nodes = graph.nodes.indices.map { index in
      node(graph.nodes[index], labels[index].title, labels[index].detail, layout.boxes[index])
    }
    return """
      <svg class="graph" xmlns="http://www.w3.org/2000/svg" width="\(layout.width)" height="\(layout.height)" \
      style="min-width:\(layout.width * 7 / 10)px" \
      viewBox="0 0 \(layout.width) \(layout.height)" role="img" aria-label="The stages of the pipeline and what they read">
      <g class="ways">
      \(ways.joined(separator: "\n"))
      </g>
      \(nodes.joined(separator: "\n"))
      </svg>
      """
  }

  private func node(
    _ node: PlanGraph.Node, _ title: String, _ detail: String?, _ box: GraphLayout.Box
  ) -> Markup {
    let radius = node.kind == .command ? 12 : node.kind == .file || node.kind == .artefact ? 0 : 4
    let middle = box.x + box.width / 2
    let second: Markup =
      detail.map { "<text class=\"detail\" x=\"\(middle)\" y=\"\(box.y + 33)\">\($0)</text>" } ?? ""
    let shape: Markup = """
      <g class="\(node.kind.rawValue)"><title>\(node.title.printable)</title><rect x="\(box.x)" y="\(box.y)" \
      width="\(box.width)" height="\(box.height)" rx="\(radius)"/><text x="\(middle)" y="\(box.y + 18)">\(title)</text>\
      \(second)</g>
      """
    return address(node).map { "<a href=\"\($0)\">\(shape)</a>" } ?? shape
  }

  /// Curves between layers, straight lines through them.
  private static func path(_ way: [GraphLayout.Point]) -> String {
    guard let first = way.first else { return "" }
    var text = "M\(first.x),\(first.y)"
    for index in stride(from: 1, to: way.count, by: 2) {
      let (from, to) = (way[index - 1], way[index])
      let middle = (from.x + to.x) / 2
      text += "C\(middle),\(from.y) \(middle),\(to.y) \(to.x),\(to.y)"
      if index + 1 < way.count { text += "L\(way[index + 1].x),\(way[index + 1].y)" }
    }
    return text
  }
}
