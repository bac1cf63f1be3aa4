import Actions
import Artefacts
import JSON
import Pipeline

/// One run over a plan: carries out what the schedule decides, each effect in a task of its own, and tells it what came of
/// it. Commits are made in groups: while one group is on its way to the disk, the next stages run.
struct Execution {
  /// What a child task brings back.
  enum Event: Sendable {
    case lookedUp([(number: Int, finding: BatchLookup.Finding)])
    case ran(Int, ActionRun.Outcome, Lease?)
    /// Another process has recorded it in the meantime.
    case found(Int, Record)
    /// Another process computes it.
    case leased(Int)
    /// It does not any more.
    case released(Int)
    /// Others have the graphics processors that it needs.
    case crowded(Int)
    /// It has them, or need not wait for them any more.
    /// - Parameter told: what has been said of that.
    case hasGraphics(Int, GraphicsShare?, told: String?)
    /// What it reads has been brought into the store, but for what nobody has.
    case fetched(Int, missing: [NotFetched])
    case notFetched(Int, PipelineError)
    case stored([Stored])
    /// A group of results has waited for as long as it was to.
    case due(Int)
    case published([(number: Int, failure: PublishFailure?)], WorkspacePublisher)
    /// With what is wrong with stages that are not in the plan.
    case planned(Plan, Plan.Selection, faults: [PipelineError])
    case notPlanned(PipelineError)
    /// Other members of an instance that runs are kept; nil if nobody wants to know any more.
    case grew(Int, GrowthWatch?, Growth)
    case plannedAhead([StageInstance], since: ContinuousClock.Instant)
    /// It is time to plan ahead once more.
    case restedAhead
    case lookedUpAhead([(name: String, finding: BatchLookup.Finding)])
    case ranAhead(String, Action, AheadEnd)
  }

  struct Finished: Sendable {
    let number: Int
    let result: Computed
  }

  /// What came of making a result durable.
  struct Stored: Sendable {
    let number: Int
    let result: Result<Computed, PipelineError>
  }

  struct PublishFailure: Sendable {
    let error: PipelineError
    /// What is missing or damaged in the store, if that is the reason.
    let lost: Digest?
  }

  let engine: Engine
  let options: RunOptions
  let targets: [String]
  let observe: @Sendable (RunEvent) -> Void
  let list: RunList

  /// The run that was remembered, if only what has changed since is looked at.
  let remembered: RememberedRun?
  var schedule: Schedule
  var instances = RunInstances()
  var plan: Plan
  var selection: Plan.Selection
  var keys: [KeyedOutput: [String]] = [:]
  var isPlanning = false

  /// What is known of instances that are about to be published, or done.
  var known: [Int: KnownInstance] = [:]
  /// Of the instances that miss, until they are done.
  var actions: [Int: Action] = [:]
  /// What those read that miss and is elsewhere than in the store.
  var lacks: [Int: [Artefact]] = [:]
  /// How long those took that ran.
  var seconds: [Int: Double] = [:]
  /// The rights to what runs or is being stored.
  var leases: [Int: Lease] = [:]
  var computed: [Int: Computed] = [:]
  /// The graphics processors that instances have waited for, until these start.
  var graphics: [Int: GraphicsShare] = [:]
  /// Sleeps while a group of results waits for more.
  var reminder: Task<Void, Never>?
  let giveUp = GiveUp()
  /// What is computed before the schedule comes to it.
  var ahead = Ahead()
  var isPlanningAhead = false
  /// How often it is planned ahead, and what waits until then.
  var aheadPace = Pace()
  var aheadRest: Task<Void, Never>?
  /// What is to be looked up ahead.
  var aheadItems: [BatchLookup.Item] = []
  /// Watches that have told something and are to go on.
  var grown: [(number: Int, watch: GrowthWatch)] = []
  /// Of the instances that run and have eager outputs: what their watches are told.
  var growth: [Int: Growth] = [:]
  /// Of the instances that are computed ahead: set once nobody wants to hear of them.
  var silenced: [String: GiveUp] = [:]
  /// Instances that the schedule has come to while they were computed ahead, by action.
  var held: [Digest: [Int]] = [:]
  /// Instances that this run has computed before the schedule came to them.
  var wereAhead: Set<Int> = []
  /// Nil while a task has it.
  var publisher: WorkspacePublisher?
  /// As many as there are places.
  let places: Int

  let madeBefore: Set<Digest>
  /// Whether everything was planned before, and something was made again with other contents then.
  private let isSecond: Bool
  var failures: [PipelineError] = []
  /// How often planning again has failed: stages that nobody can name.
  var unplanned = 0
  /// Whether what was remembered is not enough to go on, so that everything is planned.
  private(set) var needsPlan = false
  /// What those had made that run again since some of it was lost.
  var outputsBefore: [Int: [Record.Output]] = [:]
  /// Whether some of those made something else, when others had been made of what was lost.
  var isMixed = false
  /// Whether another run brings those others up to date, which takes a plan of everything.
  private(set) var isRepeated = false
  /// Instances that have been said to run.
  var announced: Set<Int> = []
  /// Remarks that were made already.
  var noted: Set<String> = []

  /// - Parameters:
  ///   - made: the actions that this run has computed before it was planned.
  ///   - isSecond: whether it is not repeated once more, whatever was made again.
  init(
    engine: Engine, targets: [String], options: RunOptions, made: Set<Digest>, isSecond: Bool = false,
    list: RunList, observe: @escaping @Sendable (RunEvent) -> Void
  ) throws {
    self.engine = engine
    self.isSecond = isSecond
    self.list = list
    madeBefore = made
    self.targets = targets
    self.options = options
    self.observe = observe
    plan = try engine.plan()
    selection = try plan.selection(targets)
    remembered = nil
    publisher = WorkspacePublisher(
      root: engine.root, store: engine.store, files: engine.files, parameters: plan.parameters)
    let (jobs, note) = engine.jobs(options)
    places = jobs
    schedule = Schedule(
      engine.runner.capacity(places: jobs), options: Schedule.Options(keepGoing: options.keepGoing))
    if let note { observe(.note(note)) }
    adopt(selection)
  }

  /// A run that looks only at what lies behind a change.
  init(
    engine: Engine, changes: RunMemory.Changes, options: RunOptions, list: RunList,
    observe: @escaping @Sendable (RunEvent) -> Void
  ) {
    self.engine = engine
    self.list = list
    madeBefore = []
    isSecond = false
    targets = []
    self.options = options
    self.observe = observe
    let summary = changes.run.summary
    plan = Plan(instances: [], deferred: [], parameters: summary.parameters, defaults: [])
    selection = Plan.Selection(instances: [], targets: summary.targets.map(\.name), deferred: [])
    remembered = changes.run
    publisher = WorkspacePublisher(
      root: engine.root, store: engine.store, files: engine.files, parameters: summary.parameters)
    let (jobs, note) = engine.jobs(options)
    places = jobs
    schedule = Schedule(
      engine.runner.capacity(places: jobs), options: Schedule.Options(keepGoing: options.keepGoing))
    if let note { observe(.note(note)) }
    instances = RunInstances(changes.run, registry: engine.planner.registry)
    adopt(changes)
  }

  mutating func run() async throws -> RunSummary {
    let start = ContinuousClock.now
    await withTaskGroup(of: Event.self) { group in
      while true {
        carryOut(&group)
        guard let event = await group.next() else { break }
        handle(event)
      }
    }
    engine.store.sealSegment()
    try? engine.files.save()
    isRepeated = isMixed && !isSecond && failures.isEmpty
    let name = needsPlan || isRepeated ? nil : finishList()
    for replacement in publisher?.replacements ?? [] { observe(.note(replacement)) }
    let believed = engine.resolver.tools.believed
    if !believed.isEmpty {
      observe(
        .note(
          "the version of \(believed.joined(separator: ", ")) was not asked for: nothing that is known to have a part in it has changed"
        ))
    }
    try Task.checkCancellation()
    for number in 0..<instances.count where schedule.state(of: number) == .skipped {
      try? instances.load(number)
    }
    var summary = summary(seconds: Runs.seconds(since: start))
    summary.list = name
    // Who wants to free a disk that is full needs some room.
    if summary.ran > 0 { engine.store.keepReserve() }
    return summary
  }

  /// Notes the actions that nobody had to look up as well.
  /// - Returns: what the list is called.
  private func finishList() -> String? {
    list.add((0..<instances.count).compactMap { known[$0]?.key ?? remembered?.instances[$0].key })
    return list.finish()
  }

  // MARK: The plan

  /// Takes in the instances of a selection that are not there yet.
  mutating func adopt(_ selection: Plan.Selection) {
    self.selection = selection
    for instance in selection.instances where instances.number(of: instance.name) == nil {
      let number = instances.add(instance)
      schedule.add(dependencies: instances.dependencies(of: number), priority: number)
    }
    var order = [Int](repeating: 0, count: instances.count)
    for (place, instance) in selection.instances.enumerated() {
      if let number = instances.number(of: instance.name) { order[number] = place }
    }
    schedule.reorder { order[$0] }
    takeBackGone()
    observe(.planned(planned))
  }

  /// Takes in the instances that have changed and those behind them; nothing can have happened to the others.
  mutating func adopt(_ changes: RunMemory.Changes) {
    var isBehind = [Bool](repeating: false, count: instances.count)
    var isDirty = isBehind
    for number in changes.dirty { isDirty[number] = true }
    let telling = Set(changes.run.summary.telling)
    var unchanged = 0
    for (number, instance) in changes.run.instances.enumerated() {
      isBehind[number] = isDirty[number] || instance.dependencies.contains { isBehind[$0] }
      if isBehind[number] {
        schedule.add(
          dependencies: instances.dependencies(of: number), priority: number,
          isPresumed: !isDirty[number] && !telling.contains(number))
      } else {
        schedule.addDone()
        unchanged += 1
      }
    }
    observe(.planned(changes.run.summary.planned))
    observe(.unchanged(unchanged))
  }

  /// Gives up what was begun with what was remembered: what has been computed is recorded, and is found by the next plan.
  mutating func planEverything() {
    needsPlan = true
    schedule.stop()
  }

  /// Plans again once all keys are known that a deferred stage waits for.
  mutating func planAgain(_ group: inout TaskGroup<Event>) {
    guard !isPlanning, schedule.startsMore,
      selection.deferred.contains(where: { $0.waitsFor.allSatisfy { keys[$0] != nil } })
    else { return }
    isPlanning = true
    group.addTask { [engine, targets, keys, options] in
      do {
        // Who goes on after failures does without the stages that cannot be planned.
        let (plan, faults) =
          try options.keepGoing ? engine.planWhatCanBe(keys: keys) : (engine.plan(keys: keys), [])
        return .planned(plan, try plan.selection(targets), faults: faults)
      } catch {
        return .notPlanned(PipelineError(wrapping: error))
      }
    }
  }

  /// Notes the keys of an instance that deferred stages wait for.
  mutating func noteKeys(of number: Int) {
    if let remembered { return checkKeys(of: number, remembered.summary.keys) }
    if selection.deferred.isEmpty { return }
    let name = instances.name(number)
    for output in selection.deferred.flatMap(\.waitsFor) where output.instance == name {
      keys[output] = known[number]!.outputs.filter { $0.name == output.output }.compactMap(\.key)
    }
  }

  /// With other keys there are other instances.
  mutating func checkKeys(of number: Int, _ before: [KeyedOutput: [String]]) {
    if before.isEmpty { return }
    let name = instances.name(number)
    for (output, keys) in before where output.instance == name {
      if known[number]!.outputs.filter({ $0.name == output.output }).compactMap(\.key) != keys {
        planEverything()
      }
    }
  }
}
