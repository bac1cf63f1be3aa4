public import Actions

extension Plan {
  /// The instances that the targets need, in plan order, and the deferred stages among them. A target is a stage, an
  /// instance (`fit[14M]`), the instances whose first keys are given (`fit[14M]` for `fit[14M,1]` and `fit[14M,2]`), or a glob over both (`fit*`, `fit[*M]`); of a deferred stage, any of its instances. No targets
  /// are the default ones.
  public func selection(_ targets: [String]) throws(PipelineError) -> Selection {
    let index = TargetIndex(self)
    var wanted = Match()
    for target in targets.isEmpty ? defaults : targets { wanted.formUnion(try index.match(target)) }

    // What deferred stages wait for must run before anything is known of them.
    var deferred = wanted.deferred
    var queue = Array(deferred)
    while let next = queue.popLast() {
      for stage in self.deferred[next].dependencies {
        if let number = index.deferred[stage], deferred.insert(number).inserted { queue.append(number) }
      }
    }
    var needed = NeededInstances(of: self, index)
    for number in wanted.instances { needed.insert(number) }
    for number in deferred {
      for output in self.deferred[number].waitsFor { needed.insert(output.instance) }
    }
    return Selection(
      instances: needed.instances(),
      targets: instances.indices.filter(wanted.instances.contains).map { instances[$0].name },
      deferred: self.deferred.indices.filter(deferred.contains).map { self.deferred[$0] })
  }

  public struct Selection: Sendable {
    /// Needed instances in plan order.
    public let instances: [StageInstance]
    /// The instances that the targets name themselves, in plan order.
    public let targets: [String]
    /// Needed stages that cannot be expanded yet.
    public let deferred: [DeferredStage]

    package init(instances: [StageInstance], targets: [String], deferred: [DeferredStage]) {
      self.instances = instances
      self.targets = targets
      self.deferred = deferred
    }
  }

  /// The stage that was probably meant by a source that is neither a stage nor a file.
  public func suggestion(for path: String) -> String? {
    var stages: [String] = []
    for instance in instances where stages.last != instance.stage { stages.append(instance.stage) }
    let name = String(Reference.leadingName(of: path))
    return name.contains("/") ? nil : Suggestion.nearest(to: name, among: stages + deferred.map(\.stage))
  }

  /// Instances, and all that they depend on.
  private struct NeededInstances {
    private let plan: Plan
    private let index: TargetIndex
    private var isNeeded: [Bool]
    private var queue: [Int] = []
    private var count = 0

    init(of plan: Plan, _ index: TargetIndex) {
      self.plan = plan
      self.index = index
      isNeeded = [Bool](repeating: false, count: plan.instances.count)
    }

    mutating func insert(_ name: String) {
      if let number = index.instances[name] { insert(number) }
    }

    mutating func insert(_ number: Int) {
      if isNeeded[number] { return }
      isNeeded[number] = true
      count += 1
      queue.append(number)
    }

    private mutating func insert(_ source: InputSource) {
      switch source {
      case .file, .artefact: break
      case .output(let instance, _, _), .members(let instance, _): insert(instance)
      case .collection(let members): for member in members { insert(member.source) }
      }
    }

    /// In plan order.
    mutating func instances() -> [StageInstance] {
      while let next = queue.popLast() {
        for input in plan.instances[next].inputs { insert(input.source) }
      }
      if count == isNeeded.count { return plan.instances }
      return plan.instances.indices.filter { isNeeded[$0] }.map { plan.instances[$0] }
    }
  }

  struct Match {
    var instances: Set<Int> = []
    var deferred: Set<Int> = []

    mutating func formUnion(_ other: Match) {
      instances.formUnion(other.instances)
      deferred.formUnion(other.deferred)
    }
  }

  /// Finds instances by name.
  final class TargetIndex {
    let plan: Plan
    /// Only a name that is no stage's needs it.
    private(set) lazy var instances: [String: Int] = {
      var instances: [String: Int] = [:]
      instances.reserveCapacity(plan.instances.count)
      for (number, instance) in plan.instances.enumerated() { instances[instance.name] = number }
      return instances
    }()
    let deferred: [String: Int]
    private let stages: [String: Range<Int>]

    init(_ plan: Plan) {
      self.plan = plan
      var stages: [String: Range<Int>] = [:]
      // The instances of a stage stand together.
      var start = 0
      for (number, instance) in plan.instances.enumerated() {
        if number + 1 < plan.instances.count, plan.instances[number + 1].stage == instance.stage { continue }
        stages[instance.stage] = start..<number + 1
        start = number + 1
      }
      self.stages = stages
      deferred = Dictionary(
        plan.deferred.enumerated().map { ($1.stage, $0) }, uniquingKeysWith: { first, _ in first })
    }

    func match(_ target: String) throws(PipelineError) -> Match {
      if let stage = stages[target] { return Match(instances: Set(stage)) }
      if let instance = instances[target] { return Match(instances: [instance]) }
      if let stage = deferred[target] { return Match(deferred: [stage]) }
      if target.hasSuffix("]"), let stage = deferred[String(target.prefix { $0 != "[" })] {
        return Match(deferred: [stage])
      }
      if target.hasSuffix("]"), let range = stages[String(target.prefix { $0 != "[" })] {
        let start = target.dropLast() + ","
        let found = range.filter { plan.instances[$0].name.hasPrefix(start) }
        if !found.isEmpty { return Match(instances: Set(found)) }
      }
      var match = Match()
      if let glob = Glob(target) {
        for (stage, range) in stages where glob.matches(stage) { match.instances.formUnion(range) }
        for (name, number) in instances where glob.matches(name) { match.instances.insert(number) }
        for (stage, number) in deferred where glob.matches(stage) { match.deferred.insert(number) }
        if !match.instances.isEmpty || !match.deferred.isEmpty { return match }
      }
      throw unknown(target)
    }

    private func unknown(_ target: String) -> PipelineError {
      let stage = target.prefix { $0 != "[" }
      if let range = stages[String(stage)], stage.count < target.count {
        let names = plan.instances[range].map(\.name)
        return PipelineError(
          "there is no instance '\(target)'", facts: [("there is", Suggestion.list(names))],
          hint: Suggestion.nearest(to: target, among: names).map { "did you mean '\($0)'?" })
      }
      if let position = plan.withoutInstances[String(stage)] {
        return PipelineError(
          "the stage '\(stage)' has no instances", at: position,
          hint: "its variables have no values, or where: and unless: leave none")
      }
      let names = stages.keys.sorted() + deferred.keys.sorted()
      return PipelineError(
        "there is no stage '\(target)'",
        hint: Suggestion.hint(for: String(stage), among: names.sorted()))
    }
  }
}
