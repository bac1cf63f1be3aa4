import Pipeline

/// Where the nodes of a graph are drawn, from left to right in layers, and the ways of its edges. After Sugiyama: longest paths
/// make the layers, an edge over several of them passes through each, and barycentres order them.
struct GraphLayout {
  struct Box {
    let x: Int
    let y: Int
    let width: Int
    let height: Int
  }

  struct Point: Equatable {
    let x: Int
    let y: Int
  }

  /// Of each node of the graph.
  private(set) var boxes: [Box] = []
  /// Of each edge: from the right of a box, through the layers between, to the left of another.
  private(set) var ways: [[Point]] = []
  private(set) var width = 0
  private(set) var height = 0

  private static let gap = (across: 44, down: 14)
  private static let margin = 8

  /// - Parameter sizes: of the nodes.
  init(_ graph: PlanGraph, sizes: [(width: Int, height: Int)]) {
    let layers = GraphLayout.layers(graph)
    let mesh = Mesh(graph, layers)
    let columns = mesh.ordered()
    let heights = columns.map { column in
      column.reduce(0) { $0 + GraphLayout.height($1, sizes) } + max(0, column.count - 1)
        * GraphLayout.gap.down
    }
    height = (heights.max() ?? 0) + 2 * GraphLayout.margin
    var places = [Box](repeating: Box(x: 0, y: 0, width: 0, height: 0), count: mesh.count)
    var left = GraphLayout.margin
    for (column, total) in zip(columns, heights) {
      let widest = column.map { $0 < sizes.count ? sizes[$0].width : 0 }.max() ?? 0
      var top = (height - total) / 2
      for node in column {
        let (width, height) = (
          node < sizes.count ? sizes[node].width : widest, GraphLayout.height(node, sizes)
        )
        places[node] = Box(x: left + (widest - width) / 2, y: top, width: width, height: height)
        top += height + GraphLayout.gap.down
      }
      left += widest + GraphLayout.gap.across
    }
    width = max(left - GraphLayout.gap.across, 0) + GraphLayout.margin
    boxes = Array(places.prefix(graph.nodes.count))
    ways = mesh.chains.map { chain in
      chain.enumerated().flatMap { index, node -> [Point] in
        let box = places[node]
        let middle = box.y + box.height / 2
        let ends = [Point(x: box.x, y: middle), Point(x: box.x + box.width, y: middle)]
        return index == 0 ? [ends[1]] : index == chain.count - 1 ? [ends[0]] : ends
      }
    }
  }

  /// What only passes through a layer takes little room.
  private static func height(_ node: Int, _ sizes: [(width: Int, height: Int)]) -> Int {
    node < sizes.count ? sizes[node].height : 6
  }

  /// The length of the longest path to each node. Sources stand just before what reads them.
  private static func layers(_ graph: PlanGraph) -> [Int] {
    var layers = [Int](repeating: 0, count: graph.nodes.count)
    var waits = [Int](repeating: 0, count: graph.nodes.count)
    var next = [[Int]](repeating: [], count: graph.nodes.count)
    for edge in graph.edges where edge.from != edge.to {
      waits[edge.to] += 1
      next[edge.from].append(edge.to)
    }
    let isSource = waits.map { $0 == 0 }
    var open = graph.nodes.indices.filter { waits[$0] == 0 }
    while let node = open.popLast() {
      for follower in next[node] {
        layers[follower] = max(layers[follower], layers[node] + 1)
        waits[follower] -= 1
        if waits[follower] == 0 { open.append(follower) }
      }
    }
    for node in graph.nodes.indices where isSource[node] {
      if let first = next[node].map({ layers[$0] }).min() { layers[node] = max(0, first - 1) }
    }
    return layers
  }
}

/// The nodes of a graph and, behind them, a point in each layer that an edge passes.
private struct Mesh {
  private(set) var layers: [Int]
  /// Of each edge, the nodes on its way.
  private(set) var chains: [[Int]] = []
  private var before: [[Int]] = []
  private var after: [[Int]] = []

  var count: Int { layers.count }

  init(_ graph: PlanGraph, _ layers: [Int]) {
    self.layers = layers
    for edge in graph.edges {
      var chain = [edge.from]
      for layer in (layers[edge.from] + 1)..<max(layers[edge.from] + 1, layers[edge.to]) {
        self.layers.append(layer)
        chain.append(self.layers.count - 1)
      }
      chains.append(chain + [edge.to])
    }
    before = [[Int]](repeating: [], count: count)
    after = before
    for chain in chains {
      for (a, b) in zip(chain, chain.dropFirst()) {
        after[a].append(b)
        before[b].append(a)
      }
    }
  }

  /// The nodes of each layer, ordered so that edges cross little.
  func ordered() -> [[Int]] {
    var columns = [[Int]](repeating: [], count: (layers.max() ?? -1) + 1)
    for node in layers.indices { columns[layers[node]].append(node) }
    var place = [Double](repeating: 0, count: count)
    func note(_ column: [Int]) { for (index, node) in column.enumerated() { place[node] = Double(index) } }
    for column in columns { note(column) }
    for sweep in 0..<12 {
      let isForward = sweep % 2 == 0
      for index in isForward ? Array(columns.indices) : columns.indices.reversed() {
        let column = columns[index]
        let centres = column.map { node -> (node: Int, centre: Double) in
          let others = isForward ? before[node] : after[node]
          if others.isEmpty { return (node, place[node]) }
          return (node, others.reduce(0) { $0 + place[$1] } / Double(others.count))
        }
        columns[index] = centres.enumerated()
          .sorted { ($0.element.centre, $0.offset) < ($1.element.centre, $1.offset) }.map(\.element.node)
        note(columns[index])
      }
    }
    return columns
  }
}
