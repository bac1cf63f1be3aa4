import Actions
import Artefacts
import Pipeline
import Synchronization
import System

extension Execution {
  mutating func carryOut(_ group: inout TaskGroup<Event>) {
    if Task.isCancelled { schedule.stop() }
    while true {
      planAgain(&group)
      planAhead(&group)
      if !schedule.startsMore { giveUp.set() }
      let decisions = schedule.decisions()
      if decisions.isEmpty {
        // Who has them and no place does not keep them from others: it may be a command of this run that needs them. It waits once more.
        graphics = [:]
        return startAhead(&group)
      }
      for decision in decisions {
        switch decision {
        case .lookUp(let batch): lookUp(batch, &group)
        case .start(let number): start(number, &group)
        case .fetch(let number): fetch(number, &group)
        case .watch(let number): watch(number, &group)
        case .waitForGraphics(let number): waitForGraphics(number, &group)
        case .store(let batch): store(batch, &group)
        case .remind(let number, let seconds): remind(number, after: seconds, &group)
        case .publish(let batch): publish(batch, &group)
        }
      }
    }
  }

  mutating func lookUp(_ batch: [Int], _ group: inout TaskGroup<Event>) {
    if remembered != nil, !load(batch) {
      schedule.endedLookUp()
      for number in batch { schedule.unseen(number) }
      return
    }
    let items = batch.map { number in
      ahead.leave(instances.name(number))
      var producers: [String: Producer] = [:]
      for dependency in instances.dependencies(of: number) {
        let producer = instances[dependency]
        producers[producer.name] = Producer(
          declarations: producer.outputs, link: producer.link,
          outputs: known[dependency]?.outputs ?? instances.outputs(rememberedOf: dependency) ?? [])
      }
      return BatchLookup.Item(
        number: number, instance: instances[number], producers: producers,
        isAnew: options.always || schedule.isRepaired(number), isRead: isRead(number))
    }
    let lookUp = BatchLookup(
      engine: engine, list: list, items: items, made: schedule.made.union(ahead.made),
      suggestion: { [plan] in plan.suggestion(for: $0) }, tell: { [observe] in observe(.note($0)) })
    group.addTask { .lookedUp(await lookUp.run()) }
  }

  /// Whether other instances of the run read what this one makes.
  func isRead(_ number: Int) -> Bool {
    if schedule.hasDependants(number) { return true }
    let name = instances.name(number)
    return selection.deferred.contains { $0.waitsFor.contains { $0.instance == name } }
  }

  /// Reads remembered instances and those that they depend on.
  /// - Returns: whether that can be done, and they may be published where they say.
  mutating func load(_ batch: [Int]) -> Bool {
    do {
      for number in batch {
        try instances.load(number)
        for dependency in instances.dependencies(of: number) { try instances.load(dependency) }
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

  mutating func start(_ number: Int, _ group: inout TaskGroup<Event>) {
    let action = actions[number]!
    let name = instances.name(number)
    // It may have waited for another process.
    if announced.insert(number).inserted {
      // The end of what is said to start is said, too.
      wereAhead.remove(number)
      observe(.started(instance: name))
    } else {
      // It waits no longer.
      observe(.progress(instance: name, fraction: nil, text: ""))
    }
    tellExcess(of: action)
    let isAnew = options.always && !ahead.made.contains(action.key) || schedule.isRepaired(number)
    let threads = threads(for: instances[number].resources)
    watchGrowth(of: number, isAnew: isAnew, &group)
    let growth = action.resumes ? nil : growth[number]
    let run = LeasedRun(
      action: action, name: name, engine: engine, threads: threads, isAnew: isAnew,
      graphics: graphics.removeValue(forKey: number), observe: observe, retried: { growth?.beginAnew() })
    group.addTask {
      switch await run.run() {
      case .leased: .leased(number)
      case .crowded: .crowded(number)
      case .found(let record): .found(number, record)
      case .ran(let outcome, let lease): .ran(number, outcome, lease)
      }
    }
  }

  /// Says once of a stage that it declares more than this machine has.
  mutating func tellExcess(of action: Action) {
    let excess = schedule.free.excess(of: engine.runner.demand(action.resources))
    if excess.isEmpty { return }
    let stage = Reference.leadingName(of: action.name)
    tell([
      "\(stage) declares more than this machine has, and runs with what there is: "
        + excess.joined(separator: ", ")
    ])
  }

  /// What it asks for, or its share of the processors: of those that run, and those that wait for a place beside it.
  func threads(for resources: Resources) -> Int {
    if let cores = resources.cores { return max(1, cores) }
    let running = places - schedule.free.places
    return max(1, Processors.available / max(1, min(places, running + schedule.waiting)))
  }

  /// Brings what an instance reads into the store, without taking a place.
  mutating func fetch(_ number: Int, _ group: inout TaskGroup<Event>) {
    let artefacts = lacks.removeValue(forKey: number) ?? []
    let action = actions[number]!
    observe(.progress(instance: action.name, fraction: nil, text: "fetches what it reads"))
    group.addTask { [engine] in
      do { return .fetched(number, missing: try await engine.fetch(artefacts, all: true)) } catch {
        return .notFetched(number, PipelineError(wrapping: error, in: action))
      }
    }
  }

  /// Waits for another process without taking a place.
  mutating func watch(_ number: Int, _ group: inout TaskGroup<Event>) {
    let name = instances.name(number)
    let text = "waits for another brake that computes it"
    let key = actions[number]!.key
    let place = engine.leases.about(key).map { RunningElsewhere($0).text } ?? ""
    tell([place.isEmpty ? "\(name) \(text)" : "\(name) \(text) \(place)"])
    observe(.progress(instance: name, fraction: nil, text: text))
    group.addTask { [engine, giveUp, observe] in
      var watch = engine.leases.watch(key)
      let start = SuspendingClock.now
      var pause = Duration.milliseconds(10)
      var told = ""
      var knowsPlace = !place.isEmpty
      while !giveUp.isSet, !watch.isFree(at: SuspendingClock.now - start) {
        if pause > .milliseconds(100), let about = engine.leases.about(key) {
          let running = RunningElsewhere(about)
          if !running.text.isEmpty, running.text != told {
            told = running.text
            if !knowsPlace { observe(.note("\(name) \(text) \(told)")) }
            knowsPlace = true
            observe(.progress(instance: name, fraction: running.fraction, text: "\(text) \(told)"))
          }
        }
        do { try await Task.sleep(for: pause) } catch { break }
        pause = min(pause * 2, .milliseconds(200))
      }
      return .released(number)
    }
  }

  /// Others may have them for hours, and another brake that has some may do the action meanwhile.
  func waitForGraphics(_ number: Int, _ group: inout TaskGroup<Event>) {
    let (name, action) = (instances.name(number), actions[number]!)
    // Of a stage with thousands of instances once.
    let words = "\(Reference.leadingName(of: name)) \(GraphicsShare.waits)"
    let isNew = !noted.contains(words)
    group.addTask { [engine, giveUp, observe] in
      let told = Mutex<String?>(nil)
      let share = await engine.runner.graphics(
        for: action, while: { !giveUp.isSet && engine.leases.about(action.key) == nil }
      ) {
        told.withLock { $0 = words }
        if isNew { observe(.note("\(name) \(GraphicsShare.waits)")) }
      }
      return .hasGraphics(number, share, told: told.withLock { $0 })
    }
  }

  /// Whether or not it is cancelled, the task comes to its end: the run does not wait for it.
  mutating func remind(_ number: Int, after seconds: Double, _ group: inout TaskGroup<Event>) {
    let sleep = Task(executorPreference: TaskThreads.shared) {
      _ = try? await Task.sleep(for: .seconds(seconds))
    }
    reminder = sleep
    group.addTask {
      await sleep.value
      return .due(number)
    }
  }

  mutating func store(_ batch: [Int], _ group: inout TaskGroup<Event>) {
    reminder?.cancel()
    let finished = batch.map { Finished(number: $0, result: computed.removeValue(forKey: $0)!) }
    group.addTask { [engine] in
      let ends = Computed.commit(finished.map(\.result), in: engine)
      return .stored(
        zip(finished, ends).map { finished, end in
          Stored(
            number: finished.number,
            result: end.mapError { PipelineError(wrapping: $0, in: finished.result.action) })
        })
    }
  }

  mutating func publish(_ batch: [Int], _ group: inout TaskGroup<Event>) {
    let withRules = batch.filter { instances[$0].publishes }
    for number in batch where !instances[number].publishes { finish(number) }
    guard !withRules.isEmpty, let publisher else { return schedule.endedPublishing() }
    self.publisher = nil
    let items = withRules.map { (number: $0, instance: instances[$0], outputs: known[$0]!.outputs) }
    group.addTask { [engine, observe] in
      var publisher = publisher
      var ends: [(number: Int, failure: PublishFailure?)] = []
      for item in items {
        do {
          do { try publisher.publish(item.instance, item.outputs) { observe(.note($0)) } } catch {
            guard try await engine.fetchLost(of: item.outputs) else { throw error }
            try publisher.publish(item.instance, item.outputs) { observe(.note($0)) }
          }
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
}
