import Actions
import Artefacts
import Pipeline
import System

extension Execution {
  /// How many instances there are to bring up to date, as far as anybody knows.
  var planned: Int {
    selection.instances.count + ahead.begun.count { instances.number(of: $0) == nil }
  }

  // MARK: Growth

  /// Learns of members of eager outputs while an instance runs.
  mutating func watchGrowth(of number: Int, isAnew: Bool, _ group: inout TaskGroup<Event>) {
    guard remembered == nil, growth[number] == nil, let action = actions[number],
      !instances[number].eager.isEmpty
    else { return }
    growth[number] = Growth()
    let watch = GrowthWatch(
      instances[number], action.key, goesOn: action.resumes && !isAnew, in: engine.store)
    wait(for: watch, of: number, &group)
  }

  private func wait(for watch: GrowthWatch, of number: Int, _ group: inout TaskGroup<Event>) {
    guard let growth = growth[number] else { return }
    group.addTask { [giveUp] in .grew(number, await watch.next(growth) { giveUp.isSet }, growth) }
  }

  mutating func grew(_ number: Int, _ watch: GrowthWatch?, _ growth: Growth) {
    // Another watch may have taken its place.
    guard let watch, self.growth[number] === growth else { return }
    ahead.grew(instances.name(number), watch.members)
    grown.append((number, watch))
  }

  mutating func endGrowth(of number: Int) {
    guard let ended = growth.removeValue(forKey: number) else { return }
    ended.finish()
    ahead.ended(instances.name(number))
    aheadRest?.cancel()
  }

  // MARK: Planning

  mutating func planAhead(_ group: inout TaskGroup<Event>) {
    for (number, watch) in grown { wait(for: watch, of: number, &group) }
    grown = []
    lookUpAhead(&group)
    guard !isPlanningAhead, schedule.startsMore, ahead.isPlanDue else { return }
    isPlanningAhead = true
    if !aheadPace.isDue { return restAhead(&group) }
    guard let request = ahead.request() else { return isPlanningAhead = false }
    let start = ContinuousClock.now
    let keys = keys.merging(request.keys) { known, _ in known }
    group.addTask { [engine, targets] in
      let planned = try? engine.planner.planAhead(
        engine.source.file(), overrides: engine.overrides, targets: targets, keys: keys,
        growing: request.growing)
      return .plannedAhead(planned ?? [], since: start)
    }
  }

  /// A plan takes the longer the more instances there are: where many members come one after the other, there is none for each.
  private mutating func restAhead(_ group: inout TaskGroup<Event>) {
    let rest = aheadPace.rest
    let sleep = Task(executorPreference: TaskThreads.shared) { _ = try? await Task.sleep(for: rest) }
    aheadRest = sleep
    group.addTask {
      await withTaskCancellationHandler {
        await sleep.value
      } onCancel: {
        sleep.cancel()
      }
      return .restedAhead
    }
  }

  mutating func restedAhead() {
    isPlanningAhead = false
    aheadRest = nil
  }

  mutating func plannedAhead(_ planned: [StageInstance], since start: ContinuousClock.Instant) {
    isPlanningAhead = false
    defer { aheadPace.ended(since: start) }
    let taken = ahead.take(planned, isOpen: isOpen, recorded: recorded)
    if taken.isEmpty { return }
    let byName = Dictionary(planned.map { ($0.name, $0) }) { first, _ in first }
    aheadItems += taken.enumerated().map { number, each in
      let producers = each.outputs.map { name, outputs in
        let producer = byName[name]
        return (
          name, Producer(declarations: producer?.outputs ?? [], link: producer?.link, outputs: outputs)
        )
      }
      return BatchLookup.Item(
        number: number, instance: each.instance, producers: Dictionary(uniqueKeysWithValues: producers),
        isAnew: options.always, isRead: true)
    }
  }

  /// Whether the schedule has nothing to do with an instance yet.
  private var isOpen: (String) -> Bool {
    let (instances, schedule) = (instances, schedule)
    return { name in instances.number(of: name).map { schedule.state(of: $0) == .waiting } ?? true }
  }

  /// What an instance has made that is done.
  private var recorded: (String) -> [Record.Output]? {
    let (instances, schedule, known) = (instances, schedule, known)
    return { name in
      guard let number = instances.number(of: name), schedule.state(of: number).isDone else { return nil }
      return known[number]?.outputs
    }
  }

  // MARK: Looking up

  private mutating func lookUpAhead(_ group: inout TaskGroup<Event>) {
    if aheadItems.isEmpty { return }
    let items = aheadItems
    aheadItems = []
    let lookUp = BatchLookup(
      engine: engine, list: list, items: items, made: schedule.made.union(ahead.made),
      suggestion: { _ in nil }, tell: { [observe] in observe(.note($0)) })
    group.addTask {
      .lookedUpAhead(await lookUp.run().map { (items[$0.number].instance.name, $0.finding) })
    }
  }

  mutating func lookedUpAhead(_ findings: [(name: String, finding: BatchLookup.Finding)]) {
    for (name, finding) in findings {
      guard case .lookingUp? = ahead.jobs[name]?.state else { continue }
      switch finding {
      case .hit(let known): ahead.done(name, known, seconds: nil)
      case .miss(let action, _, let lacks): ahead.miss(name, action, lacks: lacks)
      case .imageLost, .failed, .unseen: ahead.withdraw(name)
      }
    }
  }

  // MARK: Running

  /// Gives the places for which the schedule has nothing to what can be computed ahead.
  mutating func startAhead(_ group: inout TaskGroup<Event>) {
    if ahead.jobs.isEmpty || !schedule.startsMore { return }
    // What is ready and has its turn comes before more of these.
    if schedule.wantsBack { return }
    var passedOver: [String] = []
    defer { for name in passedOver { ahead.enqueue(name) } }
    while schedule.free.hasPlace, let (name, action, lacks) = ahead.next() {
      guard !schedule.isInFlight(action.key), !ahead.runs(action.key),
        schedule.borrow(engine.runner.demand(action.resources))
      else {
        passedOver.append(name)
        continue
      }
      ahead.started(name, action)
      if instances.number(of: name) == nil { observe(.planned(planned)) }
      observe(.started(instance: name))
      tellExcess(of: action)
      let isSilent = GiveUp()
      silenced[name] = isSilent
      let isMade = ahead.made.contains(action.key) || schedule.made.contains(action.key)
      let run = LeasedRun(
        action: action, name: name, engine: engine, threads: threads(for: action.resources),
        isAnew: options.always && !isMade,
        observe: { [observe] event in if !isSilent.isSet { observe(event) } })
      group.addTask { [engine] in .ranAhead(name, action, await Execution.end(of: run, lacks, in: engine)) }
    }
  }

  private static func end(of run: LeasedRun, _ lacks: [Artefact], in engine: Engine) async -> AheadEnd {
    do {
      if !lacks.isEmpty, try await !engine.fetch(lacks, all: false).isEmpty { return .nothing }
      switch await run.run() {
      case .leased, .crowded: return .nothing
      case .found(let record): return .found(record)
      case .ran(.computed(let result), let lease):
        defer { lease?.release() }
        return .computed(try Computed.commit([result], in: engine)[0].get())
      case .ran(.failed(let error, _, let notes), let lease):
        lease?.release()
        return .failed(error, notes: notes)
      case .ran(_, let lease):
        lease?.release()
        return .nothing
      }
    } catch {
      return .failed(PipelineError(wrapping: error, in: run.action), notes: [])
    }
  }

  mutating func ranAhead(_ name: String, _ action: Action, _ end: AheadEnd) {
    schedule.giveBack(engine.runner.demand(action.resources))
    silenced[name] = nil
    let numbers = held.removeValue(forKey: action.key) ?? []
    let isSuperseded = ahead.isSuperseded(name)
    switch end {
    case .computed(let result):
      noteStored(result)
      if isSuperseded {
        ahead.ended(superseded: name, made: action.key)
      } else {
        let known = KnownInstance(action, outputs: result.record.outputs)
        ahead.done(name, known, seconds: result.seconds)
        observe(.made(instance: name, key: known.key, outputs: known.outputs))
        observe(.finished(instance: name, outcome: .ran, seconds: result.seconds))
      }
      hit(numbers, result.record.outputs)
    case .found(let record):
      if isSuperseded {
        ahead.ended(superseded: name, made: nil)
      } else {
        ahead.done(name, KnownInstance(action, outputs: record.outputs), seconds: nil)
        observe(.withdrawn(instance: name))
      }
      hit(numbers, record.outputs)
    case .failed(let error, let notes):
      ahead.withdraw(name)
      if !isSuperseded { observe(.withdrawn(instance: name)) }
      if Task.isCancelled {
        for number in numbers { schedule.unseen(number) }
        return
      }
      let waiting = goOn(numbers)
      if !waiting.isEmpty {
        // Its turn has come while it ran.
        tell(notes)
        for number in waiting { fail(number, error) }
        return
      }
      if isSuperseded || !numbers.isEmpty { return }
      tell(notes)
      if !options.keepGoing { ahead.stop() }
      tell([
        "\(name) has failed before its turn, and is tried again when the stages that it reads have ended: \(error.headline)"
      ])
    case .nothing:
      if isSuperseded {
        ahead.ended(superseded: name, made: nil)
      } else {
        ahead.forget(name)
        observe(.withdrawn(instance: name))
      }
      for number in goOn(numbers) { if let action = actions[number] { miss(number, action) } }
    }
  }

  /// What the schedule has waited for is recorded.
  private mutating func hit(_ numbers: [Int], _ outputs: [Record.Output]) {
    for number in numbers {
      settle(number, outputs)
      if let key = known[number]?.key { noteAhead(number, key, isFound: true) }
      schedule.hit(number)
    }
  }

  /// Those of held instances that were found recorded go on, whatever came of the action.
  /// - Returns: the others.
  private mutating func goOn(_ numbers: [Int]) -> [Int] {
    for number in numbers where actions[number] == nil { schedule.hit(number) }
    return numbers.filter { actions[$0] != nil }
  }

  // MARK: Turns

  /// What was computed of an instance ahead while it was looked up for the schedule.
  func madeAhead(_ number: Int, _ action: Action) -> [Record.Output]? {
    guard !schedule.isRepaired(number), ahead.result(of: instances.name(number))?.key == action.key,
      case .hit(let record)? = try? engine.lookup(action)
    else { return nil }
    return record.outputs
  }

  /// The schedule has come to an instance, of which something may have been computed, or is.
  /// - Parameter isFound: whether it is recorded.
  mutating func noteAhead(_ number: Int, _ key: Digest, isFound: Bool) {
    let name = instances.name(number)
    if let (made, seconds) = ahead.result(of: name), made == key {
      if isFound {
        wereAhead.insert(number)
        self.seconds[number] = seconds
      } else {
        takeBack(name)
      }
      return
    }
    guard takeBack(name, unless: key) else { return }
    let end = isFound ? "is found recorded" : "is computed again"
    tell(["\(name) had been computed of what has changed since, and \(end)"])
  }

  /// What was computed of an instance ahead, or is, does not count, unless it is the action that is needed and still runs.
  /// - Returns: whether there was anything that did.
  @discardableResult mutating func takeBack(_ name: String, unless key: Digest? = nil) -> Bool {
    if ahead.supersede(name, unless: key) {
      silenced[name]?.set()
    } else if ahead.result(of: name) != nil {
      ahead.withdraw(name)
    } else {
      return false
    }
    observe(.withdrawn(instance: name))
    return true
  }

  /// Takes back what was computed ahead of instances that there are not, now that the stages that they rest on have ended.
  mutating func takeBackGone() {
    if ahead.jobs.isEmpty { return }
    let planned = Set(selection.instances.map(\.name))
    let deferred = Set(selection.deferred.map(\.stage))
    let (instances, schedule) = (instances, schedule)
    let gone = ahead.gone(
      isPlanned: { planned.contains($0.name) || deferred.contains($0.stage) },
      isDone: { name in instances.number(of: name).map { schedule.state(of: $0).isDone } ?? false })
    for name in gone { takeBack(name) }
  }
}
