import Artefacts
import JSON

/// One run over a plan: carries out what the schedule decides, each effect in a task of its own, and tells it what came of
/// it. Commits are made in groups: while one group is on its way to the disk, the next stages run.
struct Execution {
  /// What a child task brings back.
  enum Event: Sendable {
    case lookedUp([(number: Int, finding: LookUp.Finding)])
    case ran(Int, ActionRun.Outcome, Lease?)
    /// Another process has recorded it in the meantime.
    case found(Int, Record)
    /// Another process computes it.
    case leased(Int)
    /// It does not any more.
    case released(Int)
    case stored([Finished])
    case notStored([Finished], PipelineError)
    case published([(number: Int, failure: PublishFailure?)], WorkspacePublisher)
    case planned(Plan, Plan.Selection)
    case notPlanned(PipelineError)
  }

  struct Finished: Sendable {
    let number: Int
    let result: Computed
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

  /// The run that was remembered, if only what has changed since is looked at.
  let remembered: RememberedRun?
  var schedule: Schedule
  var instances = RunInstances()
  var plan: Plan
  var selection: Plan.Selection
  var keys: [KeyedOutput: [String]] = [:]
  private var isPlanning = false

  /// What is known of instances that are about to be published, or done.
  var known: [Int: KnownInstance] = [:]
  /// Of the instances that miss, until they are done.
  var actions: [Int: Action] = [:]
  /// How long those took that ran.
  var seconds: [Int: Double] = [:]
  /// The rights to what runs or is being stored.
  private var leases: [Int: Lease] = [:]
  private var computed: [Int: Computed] = [:]
  private let giveUp = GiveUp()
  /// Nil while a task has it.
  private var publisher: WorkspacePublisher?
  /// As many as there are places.
  private let places: Int

  let madeBefore: Set<Digest>
  var failures: [PipelineError] = []
  /// How often planning again has failed: stages that nobody can name.
  var unplanned = 0
  /// Whether what was remembered is not enough to go on, so that everything is planned.
  private(set) var needsPlan = false
  /// Instances that have been said to run.
  private var announced: Set<Int> = []
  /// Remarks that were made already.
  private var noted: Set<String> = []

  /// - Parameter made: the actions that this run has computed before it was planned.
  init(
    engine: Engine, targets: [String], options: RunOptions, made: Set<Digest>,
    observe: @escaping @Sendable (RunEvent) -> Void
  ) throws {
    self.engine = engine
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
      Capacity.ofMachine(places: jobs), options: Schedule.Options(keepGoing: options.keepGoing))
    if let note { observe(.note(note)) }
    adopt(selection)
  }

  /// A run that looks only at what lies behind a change.
  init(
    engine: Engine, changes: RunMemory.Changes, options: RunOptions,
    observe: @escaping @Sendable (RunEvent) -> Void
  ) {
    self.engine = engine
    madeBefore = []
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
      Capacity.ofMachine(places: jobs), options: Schedule.Options(keepGoing: options.keepGoing))
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
    try? engine.files.save()
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
    return summary(seconds: Pipeline.seconds(since: start))
  }

  // MARK: The plan

  /// Takes in the instances of a selection that are not there yet.
  private mutating func adopt(_ selection: Plan.Selection) {
    self.selection = selection
    for instance in selection.instances where instances.number(of: instance.name) == nil {
      let number = instances.add(instance)
      schedule.add(dependencies: instances.dependencies[number], priority: number)
    }
    var order = [Int](repeating: 0, count: instances.count)
    for (place, instance) in selection.instances.enumerated() {
      if let number = instances.number(of: instance.name) { order[number] = place }
    }
    schedule.reorder { order[$0] }
    observe(.planned(selection.instances.count))
  }

  /// Takes in the instances that have changed and those behind them; nothing can have happened to the others.
  private mutating func adopt(_ changes: RunMemory.Changes) {
    var isBehind = [Bool](repeating: false, count: instances.count)
    var unchanged = 0
    for number in 0..<instances.count {
      let isDirty = changes.dirty.contains(number)
      isBehind[number] = isDirty || instances.dependencies[number].contains { isBehind[$0] }
      if isBehind[number] {
        schedule.add(
          dependencies: instances.dependencies[number], priority: number, isPresumed: !isDirty)
      } else {
        schedule.addDone()
        unchanged += 1
      }
    }
    observe(.planned(changes.run.summary.planned))
    observe(.unchanged(unchanged))
  }

  /// Gives up what was begun with what was remembered: what has been computed is recorded, and is found by the next plan.
  private mutating func planEverything() {
    needsPlan = true
    schedule.stop()
  }

  /// Plans again once all keys are known that a deferred stage waits for.
  private mutating func planAgain(_ group: inout TaskGroup<Event>) {
    guard !isPlanning, schedule.startsMore,
      selection.deferred.contains(where: { $0.waitsFor.allSatisfy { keys[$0] != nil } })
    else { return }
    isPlanning = true
    group.addTask { [engine, targets, keys] in
      do {
        let plan = try engine.plan(keys: keys)
        return .planned(plan, try plan.selection(targets))
      } catch {
        return .notPlanned(PipelineError(wrapping: error))
      }
    }
  }

  /// Notes the keys of an instance that deferred stages wait for.
  private mutating func noteKeys(of number: Int) {
    if let remembered { return checkKeys(of: number, remembered.summary.keys) }
    if selection.deferred.isEmpty { return }
    let name = instances.name(number)
    for output in selection.deferred.flatMap(\.waitsFor) where output.instance == name {
      keys[output] = known[number]!.outputs.filter { $0.name == output.output }.compactMap(\.key)
    }
  }

  /// With other keys there are other instances.
  private mutating func checkKeys(of number: Int, _ before: [KeyedOutput: [String]]) {
    if before.isEmpty { return }
    let name = instances.name(number)
    for (output, keys) in before where output.instance == name {
      if known[number]!.outputs.filter({ $0.name == output.output }).compactMap(\.key) != keys {
        planEverything()
      }
    }
  }

  // MARK: Decisions

  private mutating func carryOut(_ group: inout TaskGroup<Event>) {
    if Task.isCancelled { schedule.stop() }
    while true {
      planAgain(&group)
      if !schedule.startsMore { giveUp.set() }
      let decisions = schedule.decisions()
      if decisions.isEmpty { return }
      for decision in decisions {
        switch decision {
        case .lookUp(let batch): lookUp(batch, &group)
        case .start(let number): start(number, &group)
        case .watch(let number): watch(number, &group)
        case .store(let batch): store(batch, &group)
        case .publish(let batch): publish(batch, &group)
        }
      }
    }
  }

  private mutating func lookUp(_ batch: [Int], _ group: inout TaskGroup<Event>) {
    if remembered != nil, !load(batch) {
      schedule.endedLookUp()
      for number in batch { schedule.unseen(number) }
      return
    }
    let items = batch.map { number in
      var producers: [String: Producer] = [:]
      for dependency in instances.dependencies[number] {
        let producer = instances[dependency]
        producers[producer.name] = Producer(
          declarations: producer.outputs, link: producer.link,
          outputs: known[dependency]?.outputs ?? instances.outputs(rememberedOf: dependency) ?? [])
      }
      return LookUp.Item(
        number: number, instance: instances[number], producers: producers,
        isAnew: options.always || schedule.isRepaired(number))
    }
    let lookUp = LookUp(engine: engine, items: items, made: schedule.made) { [plan] in
      plan.suggestion(for: $0)
    }
    group.addTask { .lookedUp(await lookUp.run()) }
  }

  /// Reads remembered instances and those that they depend on.
  /// - Returns: whether that can be done, and they may be published where they say.
  private mutating func load(_ batch: [Int]) -> Bool {
    do {
      for number in batch {
        try instances.load(number)
        for dependency in instances.dependencies[number] { try instances.load(dependency) }
      }
      var places = PublishPlaces(
        root: engine.root, store: engine.store,
        pipelines: [engine.source.path] + (remembered?.summary.included ?? []))
      try places.check(batch.map { instances[$0] })
      return true
    } catch {
      planEverything()
      return false
    }
  }

  private mutating func start(_ number: Int, _ group: inout TaskGroup<Event>) {
    let action = actions[number]!
    let name = instances.name(number)
    // It may have waited for another process.
    if announced.insert(number).inserted { observe(.started(instance: name)) }
    let isAnew = options.always || schedule.isRepaired(number)
    let threads = threads(for: number)
    group.addTask { [engine, observe] in
      let lease: Lease
      do {
        guard let right = try engine.leases.take(action.key) else { return .leased(number) }
        // Another process may have finished it since it was looked up.
        if !isAnew, case .hit(let record) = try engine.lookup(action) { return .found(number, record) }
        lease = right
      } catch {
        let error = PipelineError(wrapping: error, in: action.instance)
        return .ran(number, .failed(error, seconds: 0, notes: []), nil)
      }
      let outcome = await engine.holdingToken(for: action) {
        await LeaseTeller.run(
          lease, stage: name,
          report: { observe(.progress(instance: name, fraction: $0.fraction, text: $0.text)) }
        ) { report in
          await ActionRun(action: action, engine: engine, threads: threads, isAnew: isAnew).run(
            report: report)
        }
      }
      return .ran(number, outcome, lease)
    }
  }

  /// What it asks for, or its share of the processors: of those that run, and those that wait for a place beside it.
  private func threads(for number: Int) -> Int {
    if let cores = instances[number].resources.cores { return max(1, cores) }
    let running = places - schedule.free.places
    return max(1, Processors.available / max(1, min(places, running + schedule.waiting)))
  }

  /// Waits for another process without taking a place.
  private mutating func watch(_ number: Int, _ group: inout TaskGroup<Event>) {
    let name = instances.name(number)
    let text = "waits for another brake that computes it"
    tell(["\(name) \(text)"])
    observe(.progress(instance: name, fraction: nil, text: text))
    let key = actions[number]!.key
    group.addTask { [engine, giveUp, observe] in
      var watch = engine.leases.watch(key)
      let start = SuspendingClock.now
      var pause = Duration.milliseconds(10)
      var told = ""
      while !giveUp.isSet, !watch.isFree(at: SuspendingClock.now - start) {
        if pause > .milliseconds(100), let about = engine.leases.about(key) {
          let running = RunningElsewhere(about)
          if !running.text.isEmpty, running.text != told {
            told = running.text
            observe(.progress(instance: name, fraction: running.fraction, text: "\(text) \(told)"))
          }
        }
        do { try await Task.sleep(for: pause) } catch { break }
        pause = min(pause * 2, .milliseconds(200))
      }
      return .released(number)
    }
  }

  private mutating func store(_ batch: [Int], _ group: inout TaskGroup<Event>) {
    let finished = batch.map { Finished(number: $0, result: computed.removeValue(forKey: $0)!) }
    group.addTask { [engine] in
      do {
        let results = try Computed.commit(finished.map(\.result), in: engine)
        return .stored(zip(finished, results).map { Finished(number: $0.number, result: $1) })
      } catch {
        return .notStored(finished, PipelineError(wrapping: error, in: finished[0].result.action.instance))
      }
    }
  }

  private mutating func publish(_ batch: [Int], _ group: inout TaskGroup<Event>) {
    let withRules = batch.filter { !instances[$0].publish.isEmpty }
    for number in batch where instances[number].publish.isEmpty { finish(number) }
    guard !withRules.isEmpty, let publisher else { return schedule.endedPublishing() }
    self.publisher = nil
    let items = withRules.map { (number: $0, instance: instances[$0], outputs: known[$0]!.outputs) }
    group.addTask { [engine, observe] in
      var publisher = publisher
      var ends: [(number: Int, failure: PublishFailure?)] = []
      for item in items {
        do {
          try publisher.publish(item.instance, item.outputs) { observe(.note($0)) }
          ends.append((item.number, nil))
        } catch {
          let lost = engine.store.firstLost(of: item.outputs.lazy.map(\.artefact), as: error)
          ends.append(
            (
              item.number,
              PublishFailure(error: PipelineError(wrapping: error, in: item.instance), lost: lost)
            ))
        }
      }
      return .published(ends, publisher)
    }
  }

  // MARK: Events

  private mutating func handle(_ event: Event) {
    switch event {
    case .lookedUp(let findings): lookedUp(findings)
    case .ran(let number, let outcome, let lease):
      leases[number] = lease
      ran(number, outcome)
    case .found(let number, let record):
      for each in schedule.found(number) { settle(each, record.outputs) }
    case .leased(let number): schedule.leased(number)
    case .released(let number): schedule.released(number)
    case .stored(let finished): stored(finished)
    case .notStored(let finished, let error):
      schedule.endedStoring()
      for each in finished { fail(each.number, error) }
    case .published(let ends, let publisher):
      self.publisher = publisher
      schedule.endedPublishing()
      for (number, failure) in ends {
        if let failure { notPublished(number, failure) } else { finish(number) }
      }
    case .planned(let plan, let selection):
      isPlanning = false
      self.plan = plan
      adopt(selection)
    case .notPlanned(let error):
      isPlanning = false
      // What waits for these keys is not planned once more.
      selection = Plan.Selection(instances: selection.instances, targets: selection.targets, deferred: [])
      schedule.noteFailure()
      failures.append(error)
      unplanned += 1
      observe(.note("\(error)"))
    }
  }

  private mutating func lookedUp(_ findings: [(number: Int, finding: LookUp.Finding)]) {
    schedule.endedLookUp()
    for (number, finding) in findings {
      switch finding {
      case .hit(let found):
        known[number] = found
        schedule.hit(number)
      case .miss(let action, let remark):
        if let remark { observe(.note(remark)) }
        actions[number] = action
        announced.remove(number)
        schedule.miss(number, key: action.key, demand: action.instance.resources)
      case .failed where remembered != nil:
        // A plan may say better what is wrong.
        schedule.unseen(number)
        planEverything()
      case .failed(let error): fail(number, error)
      case .unseen: schedule.unseen(number)
      }
    }
  }

  private mutating func ran(_ number: Int, _ outcome: ActionRun.Outcome) {
    switch outcome {
    case .computed(let result):
      computed[number] = result
      seconds[number] = result.seconds
      schedule.computed(number)
    case .failed(let error, let seconds, let notes):
      tell(notes)
      leases.removeValue(forKey: number)?.release()
      if Task.isCancelled { return schedule.abandoned(number) }
      self.seconds[number] = seconds
      fail(number, error)
    case .inputLost(let digest):
      leases.removeValue(forKey: number)?.release()
      repair(digest, for: number)
    case .inputChanged(let input):
      leases.removeValue(forKey: number)?.release()
      let (again, given) = schedule.inputChanged(number)
      for each in again {
        observe(
          .note(
            "\(instances.name(each)) is planned again: its input '\(input)' has changed since the run began"))
      }
      for each in given {
        report(
          each,
          PipelineError(
            "the input '\(input)' changes again and again", at: instances[each].position,
            facts: [("stage", instances.name(each))], hint: "run again when nothing writes to it any more"))
      }
    }
  }

  private mutating func stored(_ finished: [Finished]) {
    let twins = schedule.stored(finished.map(\.number))
    for each in finished {
      let result = each.result
      leases.removeValue(forKey: each.number)?.release()
      engine.failures.forget(result.action)
      tell(result.notes)
      engine.makings.note(result.action.key, seconds: result.seconds)
      settle(each.number, result.record.outputs)
      for twin in twins[each.number] ?? [] { settle(twin, result.record.outputs) }
    }
  }

  /// The outputs of an instance are recorded.
  private mutating func settle(_ number: Int, _ outputs: [Record.Output]) {
    leases.removeValue(forKey: number)?.release()
    if let action = actions[number] { known[number] = KnownInstance(action, outputs: outputs) }
  }

  private mutating func finish(_ number: Int) {
    let before = instances.outputs(rememberedOf: number)
    schedule.finish(number, isChanged: before == nil || before != known[number]!.outputs)
    let hit = schedule.state(of: number) == .done(hit: true)
    actions[number] = nil
    let name = instances.name(number)
    observe(.made(instance: name, key: known[number]!.key, outputs: known[number]!.outputs))
    observe(
      .finished(
        instance: name, outcome: hit ? .hit : .ran, seconds: hit ? 0 : seconds[number] ?? 0)
    )
    noteKeys(of: number)
  }

  private mutating func notPublished(_ number: Int, _ failure: PublishFailure) {
    guard let lost = failure.lost else { return fail(number, failure.error) }
    if schedule.outputLost(number) { noteRepair(number, lost) } else { report(number, failure.error) }
  }

  /// Runs the producer of a lost artefact again, and then the action that missed it.
  private mutating func repair(_ digest: Digest, for number: Int) {
    let (again, given) = schedule.inputLost(number) { [instances, known] each in
      instances.dependencies[each].first { dependency in
        known[dependency]?.outputs.contains { $0.artefact.digest == digest } == true
      }
    }
    for producer in again { noteRepair(producer, digest) }
    for each in given {
      let producer = instances.dependencies[each].first { dependency in
        known[dependency]?.outputs.contains { $0.artefact.digest == digest } == true
      }
      report(
        each,
        PipelineError(
          "an input is missing or damaged in the store", at: instances[each].position,
          facts: [("stage", instances.name(each)), ("input", digest.description)],
          hint: producer == nil
            ? "no stage of this pipeline makes it: put it into the store again"
            : "the stage '\(instances.name(producer!))' has made it again, and it is lost again: check the disk"
        ))
    }
  }

  private func noteRepair(_ number: Int, _ digest: Digest) {
    observe(
      .note("\(instances.name(number)) runs again: \(digest.short) is missing or damaged in the store"))
  }

  // MARK: Failures

  /// An instance failed, and with it all that are the same action, and all that wait for one of them.
  private mutating func fail(_ number: Int, _ error: PipelineError) {
    leases.removeValue(forKey: number)?.release()
    let twins = schedule.failed(number)
    report(number, error)
    for twin in twins {
      report(
        twin,
        PipelineError(
          "the same action has failed for '\(instances.name(number))'", at: instances[twin].position,
          facts: [("stage", instances.name(twin))]))
    }
  }

  /// Tells of an instance that the schedule takes for failed.
  private mutating func report(_ number: Int, _ error: PipelineError) {
    actions[number] = nil
    failures.append(error)
    observe(
      .finished(instance: instances.name(number), outcome: .failed(error), seconds: seconds[number] ?? 0))
  }

  private mutating func tell(_ notes: [String]) {
    for note in notes where noted.insert(note).inserted { observe(.note(note)) }
  }
}
