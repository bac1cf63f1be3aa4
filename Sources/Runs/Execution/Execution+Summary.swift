import Artefacts
import JSON
import Pipeline

extension Execution {
  func summary(seconds: Double) -> RunSummary {
    var summary = RunSummary()
    summary.planned = remembered?.summary.planned ?? (failures.isEmpty ? selection.instances.count : planned)
    summary.seconds = seconds
    summary.failures = failures
    summary.failed = unplanned
    summary.published = publishedPaths
    for number in 0..<instances.count {
      switch schedule.state(of: number) {
      case .done(hit: true):
        let isMade = known[number].map { madeBefore.contains($0.key) } ?? false || wereAhead.contains(number)
        if isMade { summary.ran += 1 } else { summary.hit += 1 }
      case .done(hit: false): summary.ran += 1
      case .failed: summary.failed += 1
      case _ where ahead.result(of: instances.name(number)) != nil: summary.ran += 1
      default:
        summary.skipped += 1
        observe(.finished(instance: instances.name(number), outcome: .skipped, seconds: 0))
      }
    }
    // Of stages that failed.
    if !failures.isEmpty { summary.ran += ahead.begun.count { instances.number(of: $0) == nil } }
    for target in selection.targets {
      guard let number = instances.number(of: target), schedule.state(of: number).isDone,
        let outputs = known[number]?.outputs ?? instances.outputs(rememberedOf: number)
      else { continue }
      summary.outputs[target] = Execution.digests(outputs)
    }
    return summary
  }

  /// What is to be remembered of a run in which all went well; nil if something in it cannot be. It has come to its end: what is
  /// known of an instance is given up once it is written down, since both of all would take twice the memory.
  mutating func memory(of summary: RunSummary) -> RememberedRun? {
    guard !isMixed, summary.hit + summary.ran == summary.planned, failures.isEmpty, selection.deferred.isEmpty
    else {
      return nil
    }
    do {
      var writer = try MemoryWriter(after: remembered, engine: engine)
      let result = result(summary)
      if remembered == nil {
        plan = Plan(instances: [], deferred: [], parameters: [:], defaults: [])
        selection = Plan.Selection(instances: [], targets: [], deferred: [])
      }
      // Of a remembered run, those that nobody had to look at stay as they are.
      for number in remembered == nil ? Array(0..<instances.count) : known.keys.sorted() {
        guard let known = known.removeValue(forKey: number) else { return nil }
        try writer.add(
          instances[number], known, dependencies: instances.dependencies(of: number),
          as: remembered == nil ? nil : number)
        if remembered == nil {
          instances.release(number)
          if (number + 1) % Execution.releasedAtOnce == 0 { FreeMemory.giveBack() }
        }
      }
      return try writer.finished(result)
    } catch {
      return nil
    }
  }

  /// How many instances are given up before their memory is given back.
  private static let releasedAtOnce = 1 << 13

  /// What is remembered of the run as a whole.
  private func result(_ summary: RunSummary) -> RememberedRun.Summary {
    var result = remembered?.summary ?? RememberedRun.Summary()
    result.planned = summary.planned
    result.outputs = summary.outputs
    result.published = summary.published
    if remembered != nil { return result }
    result.targets = selection.targets.compactMap { name in instances.number(of: name).map { (name, $0) } }
    result.parameters = plan.parameters
    result.keys = keys
    result.eager = (0..<instances.count).filter { !instances[$0].eager.isEmpty }
    result.telling = (0..<instances.count).filter { instances[$0].work.tellsHowStagesRan }
    return result
  }

  /// Each once, in plan order.
  private var publishedPaths: [String] {
    if let remembered { return remembered.summary.published }
    var seen: Set<String> = []
    return selection.instances.flatMap { instance in
      let isDone = instances.number(of: instance.name).map { schedule.state(of: $0).isDone } ?? false
      return isDone ? instance.publish.map(\.path).filter { seen.insert($0).inserted } : []
    }
  }

  static func digests(_ outputs: [Record.Output]) -> [String: JSON] {
    var digests: [String: JSON] = [:]
    for output in outputs {
      let digest = JSON.string(output.artefact.digest.description)
      if let key = output.key {
        var members = digests[output.name]?.object ?? [:]
        members[key] = digest
        digests[output.name] = .object(members)
      } else {
        digests[output.name] = digest
      }
    }
    return digests
  }
}
