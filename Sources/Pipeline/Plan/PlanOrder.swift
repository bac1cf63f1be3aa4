import Actions

/// An order of stages in which each stands behind all it depends on.
struct PlanOrder {
  /// Of each stage, the stages it depends on.
  let dependencies: [Set<Int>]

  /// Among stages that could come next, the first one of the file comes first.
  ///
  /// - Parameter stages: to name those of a cycle.
  func sorted(_ stages: [PlannedStage]) throws(PipelineError) -> [Int] {
    var missing = dependencies.map(\.count)
    var dependants = [[Int]](repeating: [], count: stages.count)
    for (stage, needed) in dependencies.enumerated() {
      for dependency in needed { dependants[dependency].append(stage) }
    }
    var ready = IndexHeap()
    for stage in stages.indices where missing[stage] == 0 { ready.insert(stage, stage) }
    var order: [Int] = []
    order.reserveCapacity(stages.count)
    while let stage = ready.popSmallest() {
      order.append(stage)
      for dependant in dependants[stage] {
        missing[dependant] -= 1
        if missing[dependant] == 0 { ready.insert(dependant, dependant) }
      }
    }
    if order.count < stages.count { throw cycle(stages, missing) }
    return order
  }

  /// Every stage that is left depends on another one that is left, so following these must come back.
  private func cycle(_ stages: [PlannedStage], _ missing: [Int]) -> PipelineError {
    var stage = missing.firstIndex { $0 > 0 } ?? 0
    var path: [Int] = []
    var place: [Int: Int] = [:]
    while place[stage] == nil {
      place[stage] = path.count
      path.append(stage)
      stage = dependencies[stage].filter { missing[$0] > 0 }.min() ?? stage
    }
    var cycle = Array(path[place[stage]!...])
    let first = cycle.firstIndex(of: cycle.min()!)!
    cycle = Array(cycle[first...] + cycle[..<first])
    let names = (cycle + [cycle[0]]).map { stages[$0].name }
    let shown = names.count > 13 ? names.prefix(12) + ["… (\(cycle.count) stages)"] : names[...]
    return PipelineError(
      cycle.count == 1
        ? "the stage '\(names[0])' depends on itself"
        : "stages depend on each other: \(shown.joined(separator: " -> "))",
      at: stages[cycle[0]].declaration.position,
      facts: cycle.prefix(12).map { (stages[$0].name, "\(stages[$0].declaration.position)") },
      hint: "each stage reads an output of the one that follows it; one of them must not")
  }
}
