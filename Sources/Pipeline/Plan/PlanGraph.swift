package import Actions
import Artefacts
import JSON

/// A plan as a drawing: nodes and the arrows between them.
package struct PlanGraph: Sendable {
  package struct Node: Sendable {
    package enum Kind: String, Sendable { case file, artefact, operation, command, deferred }
    package let kind: Kind
    package let title: String
    /// The operation, or how many instances there are.
    package let detail: String?
    /// Of an instance; of several as one node, if they have the same.
    package var resources: Resources?
  }

  package struct Edge: Hashable, Sendable {
    package let from: Int
    package let to: Int
    /// The output that is passed on.
    package let label: String
  }

  /// Beyond this many instances a stage is drawn as one node.
  package static let mostInstances = 60

  package private(set) var nodes: [Node] = []
  package private(set) var edges: [Edge] = []
  private var numbers: [String: Int] = [:]
  private var seen: Set<Edge> = []

  /// - Parameter mostInstances: beyond so many a stage is one node.
  package init(
    _ instances: [StageInstance], _ deferred: [DeferredStage], mostInstances: Int = PlanGraph.mostInstances
  ) {
    let collapses = instances.count > mostInstances
    let counts = instances.reduce(into: [String: Int]()) { $0[$1.stage, default: 0] += 1 }
    let stages = Dictionary(instances.map { ($0.name, $0.stage) }, uniquingKeysWith: { first, _ in first })
    for instance in instances {
      let title = collapses ? instance.stage : instance.name
      let number = node(instance.kind, title) {
        let count = counts[instance.stage] ?? 1
        let instances = collapses && count > 1 ? "\(count) instances" : nil
        return [instance.operationName, instances].compactMap { $0 }.joined(separator: ", ")
      }
      if nodes[number].resources == nil { nodes[number].resources = instance.resources }
      if nodes[number].resources != instance.resources { nodes[number].resources = .undeclared }
      for input in instance.inputs { connect(input.source, to: number, collapses ? stages : nil) }
    }
    for stage in deferred {
      let number = node(.deferred, stage.stage) {
        "once " + stage.waitsFor.map { "\($0.instance).\($0.output)" }.joined(separator: ", ") + " is known"
      }
      var drawn: Set<String> = []
      for output in stage.waitsFor {
        let title = collapses ? stages[output.instance] ?? output.instance : output.instance
        guard let source = numbers["stage " + title] else { continue }
        drawn.insert(stages[output.instance] ?? "")
        edge(source, number, output.output)
      }
      for dependency in stage.dependencies where !drawn.contains(dependency) {
        let sources = collapses ? [dependency] : instances.filter { $0.stage == dependency }.map(\.name)
        for title in sources.isEmpty ? [dependency] : sources {
          if let source = numbers["stage " + title] { edge(source, number, "") }
        }
      }
    }
  }

  private mutating func connect(_ source: InputSource, to number: Int, _ stages: [String: String]?) {
    switch source {
    case .file(let path): edge(node(.file, path) { "" }, number, "")
    case .artefact(let digest): edge(node(.artefact, "sha256:\(digest.short)…") { "" }, number, "")
    case .output(let instance, let output, let key):
      let title = stages?[instance] ?? instance
      if let from = numbers["stage " + title] {
        edge(from, number, key.map { stages == nil ? "\(output)[\($0)]" : output } ?? output)
      }
    case .members(let instance, let output):
      if let from = numbers["stage " + (stages?[instance] ?? instance)] { edge(from, number, output) }
    case .collection(let members):
      for member in members { connect(member.source, to: number, stages) }
    }
  }

  private mutating func node(_ kind: Node.Kind, _ title: String, detail: () -> String) -> Int {
    let isStage = kind != .file && kind != .artefact
    let name = (isStage ? "stage " : "source ") + title
    if let number = numbers[name] { return number }
    let text = detail()
    nodes.append(Node(kind: kind, title: title, detail: text.isEmpty ? nil : text))
    numbers[name] = nodes.count - 1
    return nodes.count - 1
  }

  private mutating func edge(_ from: Int, _ to: Int, _ label: String) {
    let edge = Edge(from: from, to: to, label: label)
    if seen.insert(edge).inserted { edges.append(edge) }
  }
}

extension StageInstance {
  fileprivate var kind: PlanGraph.Node.Kind {
    switch work {
    case .operation: .operation
    case .command: .command
    }
  }

  fileprivate var operationName: String? {
    if case .operation(let operation, _) = work { operation.name } else { nil }
  }
}
