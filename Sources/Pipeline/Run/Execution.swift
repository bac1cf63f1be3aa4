import Artefacts
import Glibc
import JSON
import Synchronization

/// One run over a plan. Looks actions up as soon as their inputs are known, runs those that miss, and commits what they
/// made in groups: while one group is on its way to the disk, the next stages run.
struct Execution {
  private enum State: Equatable {
    case waiting, running, failed, skipped
    case done(hit: Bool)

    var isDone: Bool { if case .done = self { true } else { false } }
    var isLostCause: Bool { self == .failed || self == .skipped }
  }

  /// What a child task brings back.
  private enum Event: Sendable {
    case ran(Action, ActionRun.Outcome, Lease?)
    /// Another process has recorded it in the meantime.
    case found(Action, Record)
    /// Another process computes it.
    case leased(Action)
    /// It does not any more.
    case released(Action)
    case committed([Computed])
    case commitFailed([Computed], PipelineError)
  }

  private let engine: Engine
  private let options: RunOptions
  private let targets: [String]
  private let observe: @Sendable (RunEvent) -> Void

  private var plan: Plan
  private var selection: Plan.Selection
  private var instances: [String: StageInstance] = [:]
  /// Place in the plan: what is ready runs in this order.
  private var order: [String: Int] = [:]
  private var keys: [KeyedOutput: [String]] = [:]

  private var states: [String: State] = [:]
  private var results: [String: [Record.Output]] = [:]
  private var actions: [String: Action] = [:]
  private var dependants: [String: [String]] = [:]
  /// How many of its dependencies a stage still waits for.
  private var missing: [String: Int] = [:]
  private var ready: [String] = []
  /// Misses that wait for a free place, the next to run last.
  private var misses: [Action] = []
  /// Actions that wait for a place, run or are being committed, each with those of other stages that are the same.
  private var twins: [Digest: [Action]] = [:]
  /// The rights to what runs or is being committed.
  private var leases: [Digest: Lease] = [:]
  private let giveUp = GiveUp()
  /// What this run has computed.
  private var made: Set<Digest> = []
  private var running = 0
  private var computed: [Computed] = []
  private var isCommitting = false
  private var isStopping = false
  /// Stages that run again because something of theirs was missing or damaged in the store.
  private var repaired: Set<String> = []
  private var failures: [PipelineError] = []
  private var workspace: WorkspacePublisher
  private let jobs: Int
  /// How often planning again has failed: stages that nobody can name.
  private var unplanned = 0
  /// Remarks that were made already.
  private var noted: Set<String> = []
  /// How often the sources of an instance changed before it could run.
  private var changes: [String: Int] = [:]

  init(
    engine: Engine, targets: [String], options: RunOptions, observe: @escaping @Sendable (RunEvent) -> Void
  ) throws {
    self.engine = engine
    self.targets = targets
    self.options = options
    self.observe = observe
    plan = try engine.plan()
    selection = try plan.selection(targets)
    workspace = WorkspacePublisher(
      root: engine.root, store: engine.store, files: engine.files, parameters: plan.parameters)
    let (jobs, note) = engine.jobs(options)
    self.jobs = jobs
    if let note { observe(.note(note)) }
  }

  mutating func run() async throws -> RunSummary {
    let start = ContinuousClock.now
    adopt(selection)
    await withTaskGroup(of: Event.self) { group in
      while true {
        if Task.isCancelled { isStopping = true }
        if !startsMore { giveUp.set() }
        await lookUpReady()
        startMisses(&group)
        commitComputed(&group)
        guard let event = await group.next() else { break }
        handle(event, &group)
      }
    }
    try? engine.files.save()
    for replacement in workspace.replacements { observe(.note(replacement)) }
    let believed = engine.resolver.tools.believed
    if !believed.isEmpty {
      observe(
        .note(
          "the version of \(believed.joined(separator: ", ")) was not asked for: nothing that is known to have a part in it has changed"
        ))
    }
    try Task.checkCancellation()
    return summary(seconds: seconds(since: start))
  }

  private var startsMore: Bool { !isStopping && (failures.isEmpty || options.keepGoing) }

  // MARK: The plan

  /// Takes in the instances of a selection that are not there yet.
  private mutating func adopt(_ selection: Plan.Selection) {
    self.selection = selection
    order = Dictionary(uniqueKeysWithValues: plan.instances.enumerated().map { ($1.name, $0) })
    for instance in plan.instances { instances[instance.name] = instance }
    for instance in selection.instances where states[instance.name] == nil {
      states[instance.name] = .waiting
      let dependencies = instance.dependencies.filter { states[$0]?.isDone != true }
      missing[instance.name] = dependencies.count
      for dependency in dependencies { dependants[dependency, default: []].append(instance.name) }
      if dependencies.isEmpty { ready.append(instance.name) }
      if dependencies.contains(where: { states[$0]?.isLostCause == true }) { skip(instance.name) }
    }
    observe(.planned(selection.instances.count))
  }

  /// Plans again once an instance is done whose keys a deferred stage waits for.
  private mutating func replan(after instance: String) {
    let awaited = selection.deferred.flatMap(\.waitsFor).filter { $0.instance == instance }
    if awaited.isEmpty { return }
    for output in awaited {
      keys[output] = results[instance]!.filter { $0.name == output.output }.compactMap(\.key)
    }
    do {
      plan = try engine.plan(keys: keys)
      adopt(try plan.selection(targets))
    } catch {
      let error = PipelineError(wrapping: error)
      failures.append(error)
      unplanned += 1
      observe(.note("\(error)"))
    }
  }

  // MARK: Looking up

  private mutating func lookUpReady() async {
    let known = misses.count
    ready.sort { order[$0]! > order[$1]! }
    while startsMore, let name = ready.popLast() {
      let instance = instances[name]!
      do {
        let action = try await action(for: instance)
        actions[name] = action
        if options.always && !made.contains(action.key) {
          enqueue(action)
          continue
        }
        switch try engine.lookup(action) {
        case .hit(let record): succeed(action, record.outputs, hit: true, seconds: 0)
        case .miss, .lost: enqueue(action)
        case .distrusted(let reason):
          observe(.note("\(name) runs, although it is recorded: \(reason)"))
          enqueue(action)
        }
      } catch {
        fail(instance, PipelineError(wrapping: error, in: instance), seconds: 0)
      }
    }
    if misses.count > known {
      misses.sort { order[$0.instance.name]! > order[$1.instance.name]! }
    }
  }

  /// The action of an instance, for which a program may have to be asked for its version.
  private func action(for instance: StageInstance) async throws -> Action {
    while true {
      do {
        return try engine.resolver.action(for: instance, among: instances, of: plan, results: results)
      } catch let unknown as ToolIdentities.Unknown {
        try await engine.resolver.tools.ask(unknown)
      }
    }
  }

  /// Has an action run, unless another stage is about to run the same.
  private mutating func enqueue(_ action: Action) {
    if twins[action.key] != nil {
      twins[action.key]!.append(action)
    } else {
      twins[action.key] = []
      misses.append(action)
    }
  }

  // MARK: Running and committing

  private mutating func startMisses(_ group: inout TaskGroup<Event>) {
    while startsMore, running < jobs, let action = misses.popLast() {
      let name = action.instance.name
      running += 1
      // It may have waited for another process.
      if states[name] != .running { observe(.started(instance: name)) }
      states[name] = .running
      let isAnew = options.always || repaired.contains(name)
      group.addTask { [engine, observe] in
        let lease: Lease
        do {
          guard let right = try engine.leases.take(action.key) else { return .leased(action) }
          // Another process may have finished it since it was looked up.
          if !isAnew, case .hit(let record) = try engine.lookup(action) { return .found(action, record) }
          lease = right
        } catch {
          let error = PipelineError(wrapping: error, in: action.instance)
          return .ran(action, .failed(error, seconds: 0, notes: []), nil)
        }
        let outcome = await engine.holdingToken(for: action) {
          await ActionRun(action: action, engine: engine).run {
            observe(.progress(instance: name, fraction: $0.fraction, text: $0.text))
          }
        }
        return .ran(action, outcome, lease)
      }
    }
  }

  /// Waits for another process without taking a place.
  private mutating func wait(for action: Action, _ group: inout TaskGroup<Event>) {
    let name = action.instance.name
    let text = "waits for another brake that computes it"
    tell(["\(name) \(text)"])
    observe(.progress(instance: name, fraction: nil, text: text))
    group.addTask { [engine, giveUp] in
      var watch = engine.leases.watch(action.key)
      let start = SuspendingClock.now
      var pause = Duration.milliseconds(10)
      while !giveUp.isSet, !watch.isFree(at: SuspendingClock.now - start) {
        do { try await Task.sleep(for: pause) } catch { break }
        pause = min(pause * 2, .milliseconds(200))
      }
      return .released(action)
    }
  }

  private mutating func commitComputed(_ group: inout TaskGroup<Event>) {
    if isCommitting || computed.isEmpty { return }
    isCommitting = true
    let batch = computed.map { result in
      var result = result
      result.isAnew = options.always || repaired.contains(result.action.instance.name)
      return result
    }
    computed = []
    group.addTask { [engine] in
      // Where two have computed the same, since one took the other for dead, what was there first stays.
      let batch = batch.map { $0.isAnew ? $0 : $0.yielding(to: engine) }
      do {
        try Publication.commit(batch.map(\.publication))
        return .committed(batch)
      } catch {
        return .commitFailed(batch, PipelineError(wrapping: error, in: batch[0].action.instance))
      }
    }
  }

  private mutating func handle(_ event: Event, _ group: inout TaskGroup<Event>) {
    if case .ran(let action, _, let lease) = event { leases[action.key] = lease }
    switch event {
    case .found(let action, let record):
      running -= 1
      for action in [action] + settle(action) { succeed(action, record.outputs, hit: true, seconds: 0) }
    case .leased(let action):
      running -= 1
      wait(for: action, &group)
    case .released(let action):
      misses.append(action)
    case .ran(_, .computed(let result), _):
      running -= 1
      computed.append(result)
    case .ran(let action, .failed(let error, let seconds, let notes), _):
      running -= 1
      tell(notes)
      if Task.isCancelled {
        _ = settle(action)
        states[action.instance.name] = .waiting
      } else {
        fail(action, error, seconds: seconds)
      }
    case .ran(let action, .inputLost(let digest), _):
      running -= 1
      for action in [action] + settle(action) { repair(digest, for: action) }
    case .ran(let action, .inputChanged(let input), _):
      running -= 1
      for action in [action] + settle(action) { planAgain(action, since: input) }
    case .committed(let batch):
      isCommitting = false
      for result in batch {
        engine.failures.forget(result.action)
        tell(result.notes)
        engine.makings.note(result.action.key, seconds: result.seconds)
        made.insert(result.action.key)
        let twins = settle(result.action)
        succeed(result.action, result.record.outputs, hit: false, seconds: result.seconds)
        for twin in twins { succeed(twin, result.record.outputs, hit: true, seconds: 0) }
      }
    case .commitFailed(let batch, let error):
      isCommitting = false
      for result in batch { fail(result.action, error, seconds: result.seconds) }
    }
  }

  /// Gives back the right to an action, and ends the wait of the stages that have the same.
  private mutating func settle(_ action: Action) -> [Action] {
    leases.removeValue(forKey: action.key)?.release()
    return twins.removeValue(forKey: action.key) ?? []
  }

  /// An action failed, and with it all stages that wait for it.
  private mutating func fail(_ action: Action, _ error: PipelineError, seconds: Double) {
    let twins = settle(action)
    fail(action.instance, error, seconds: seconds)
    for twin in twins {
      let error = PipelineError(
        "the same action has failed for '\(action.instance.name)'", at: twin.instance.position,
        facts: [("stage", twin.instance.name)])
      fail(twin.instance, error, seconds: 0)
    }
  }

  // MARK: Outcomes

  private mutating func succeed(_ action: Action, _ outputs: [Record.Output], hit: Bool, seconds: Double) {
    let name = action.instance.name
    do {
      try workspace.publish(action.instance, outputs) { [observe] in observe(.note($0)) }
    } catch {
      let lost = engine.store.firstLost(of: outputs.lazy.map(\.artefact), as: error)
      let error = PipelineError(wrapping: error, in: action.instance)
      if let lost { return rerun(action, toMake: lost, else: error) }
      return fail(action.instance, error, seconds: seconds)
    }
    results[name] = outputs
    states[name] = .done(hit: hit)
    observe(.made(instance: name, key: action.key, outputs: outputs))
    observe(.finished(instance: name, outcome: hit ? .hit : .ran, seconds: seconds))
    for dependant in dependants.removeValue(forKey: name) ?? [] {
      missing[dependant]! -= 1
      if missing[dependant] == 0, states[dependant] == .waiting { ready.append(dependant) }
    }
    replan(after: name)
  }

  private mutating func fail(_ instance: StageInstance, _ error: PipelineError, seconds: Double) {
    states[instance.name] = .failed
    failures.append(error)
    observe(.finished(instance: instance.name, outcome: .failed(error), seconds: seconds))
    for dependant in dependants.removeValue(forKey: instance.name) ?? [] { skip(dependant) }
  }

  private mutating func skip(_ name: String) {
    guard states[name] == .waiting else { return }
    states[name] = .skipped
    for dependant in dependants.removeValue(forKey: name) ?? [] { skip(dependant) }
  }

  private mutating func tell(_ notes: [String]) {
    for note in notes where noted.insert(note).inserted { observe(.note(note)) }
  }

  // MARK: Repair

  /// Makes another action of an instance whose source is not what it was when the action's key was computed.
  private mutating func planAgain(_ action: Action, since input: String) {
    let name = action.instance.name
    changes[name, default: 0] += 1
    guard changes[name]! <= 3 else {
      let error = PipelineError(
        "the input '\(input)' changes again and again", at: action.instance.position,
        facts: [("stage", name)],
        hint: "run again when nothing writes to it any more")
      return fail(action.instance, error, seconds: 0)
    }
    observe(.note("\(name) is planned again: its input '\(input)' has changed since the run began"))
    states[name] = .waiting
    ready.append(name)
  }

  /// Runs the producer of a lost artefact again, and then the action that missed it.
  private mutating func repair(_ digest: Digest, for action: Action) {
    let producer = action.instance.dependencies.first { dependency in
      results[dependency]?.contains { $0.artefact.digest == digest } == true
    }
    let error = PipelineError(
      "an input is missing or damaged in the store", at: action.instance.position,
      facts: [("stage", action.instance.name), ("input", digest.description)],
      hint: producer == nil
        ? "no stage of this pipeline makes it: put it into the store again"
        : "the stage '\(producer!)' has made it again, and it is lost again: check the disk")
    guard let producer, let again = actions[producer] else {
      return fail(action.instance, error, seconds: 0)
    }
    states[action.instance.name] = .waiting
    missing[action.instance.name] = 1
    dependants[producer, default: []].append(action.instance.name)
    if states[producer]?.isDone == true { rerun(again, toMake: digest, else: error) }
  }

  /// Runs an action once more although it is recorded; another time would not help.
  private mutating func rerun(_ action: Action, toMake digest: Digest, else error: PipelineError) {
    let name = action.instance.name
    guard repaired.insert(name).inserted else { return fail(action.instance, error, seconds: 0) }
    observe(.note("\(name) runs again: \(digest.short) is missing or damaged in the store"))
    states[name] = .waiting
    enqueue(action)
  }

  // MARK: Summary

  /// All actions with their outputs, in plan order; nil if one was not a hit.
  var hits: [RunMemory.Hit]? {
    guard failures.isEmpty, selection.deferred.isEmpty else { return nil }
    var hits: [RunMemory.Hit] = []
    for instance in selection.instances {
      guard states[instance.name] == .done(hit: true) else { return nil }
      hits.append(RunMemory.Hit(action: actions[instance.name]!, outputs: results[instance.name]!))
    }
    return hits
  }

  private func summary(seconds: Double) -> RunSummary {
    var summary = RunSummary()
    summary.planned = selection.instances.count
    summary.seconds = seconds
    summary.failures = failures
    summary.failed = unplanned
    summary.published = workspace.paths
    for instance in selection.instances {
      switch states[instance.name] {
      case .done(hit: true): summary.hit += 1
      case .done(hit: false): summary.ran += 1
      case .failed: summary.failed += 1
      case .waiting, .running, .skipped, nil:
        summary.skipped += 1
        observe(.finished(instance: instance.name, outcome: .skipped, seconds: 0))
      }
    }
    for target in selection.targets {
      if let outputs = results[target] { summary.outputs[target] = digests(outputs) }
    }
    return summary
  }

  private func digests(_ outputs: [Record.Output]) -> [String: JSON] {
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

/// Tells tasks that wait for other processes that there is no more use in it.
private final class GiveUp: Sendable {
  private let flag = Atomic(false)

  var isSet: Bool { flag.load(ordering: .relaxed) }
  func set() { flag.store(true, ordering: .relaxed) }
}
