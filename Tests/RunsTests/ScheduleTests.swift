import Artefacts
import Testing

@testable import Actions
@testable import Pipeline
@testable import Runs

/// Drives a schedule as a run does, with virtual time and outcomes that a generator of random numbers draws.
private struct FakeRun {
  /// What an instance makes of what it depends on: its number, its content and their outputs.
  struct Graph {
    var dependencies: [[Int]] = []
    var content: [Int] = []
    var fails: Set<Int> = []

    /// - Returns: of each instance its key (all that it reads) and its output.
    func evaluate() -> (keys: [Int], outputs: [Int]) {
      var keys: [Int] = []
      var outputs: [Int] = []
      for node in dependencies.indices {
        let (key, output) = evaluate(node) { outputs[$0] }
        keys.append(key)
        outputs.append(output)
      }
      return (keys, outputs)
    }

    func evaluate(_ node: Int, _ output: (Int) -> Int) -> (key: Int, output: Int) {
      var key = FakeRun.mixed(content[node])
      for dependency in dependencies[node] { key = FakeRun.mixed(key &* 3 &+ output(dependency)) }
      // Where few bits of what it reads can be seen in its output, a change often ends there.
      let bits = [1, 3, 62][content[node] % 3]
      return (key, FakeRun.mixed(key & ((1 << bits) - 1)))
    }
  }

  static func mixed(_ value: Int) -> Int {
    var x = UInt64(truncatingIfNeeded: value) &+ 0x9e37_79b9_7f4a_7c15
    x = (x ^ (x >> 30)) &* 0xbf58_476d_1ce4_e5b9
    x = (x ^ (x >> 27)) &* 0x94d0_49bb_1331_11eb
    return Int(truncatingIfNeeded: x ^ (x >> 31))
  }

  var random: Numbers
  let graph: Graph
  var schedule: Schedule
  var outputs: [Int: Int] = [:]
  /// What is known from an earlier run.
  let before: [Int]?
  var recorded: [Int: Int]
  var started: [Int] = []
  var lookedUp: Set<Int> = []
  var running: Set<Int> = []
  var mostRunning = 0
  /// What is under way, in no order: virtual time is which of them ends next.
  private enum Work {
    case lookUp([Int]), fetch(Int), run(Int), watch(Int), store([Int]), publish([Int]), remind(Int)
  }
  private var work: [Work] = []
  var elsewhere = 0

  init(
    _ graph: Graph, seed: UInt64, places: Int, keepGoing: Bool, recorded: [Int: Int], before: [Int]?,
    dirty: Set<Int>
  ) {
    random = Numbers(seed)
    self.graph = graph
    self.recorded = recorded
    self.before = before
    schedule = Schedule(
      Capacity(places: places, cores: places),
      options: .init(keepGoing: keepGoing, batch: 3, lookups: 2, queue: 4))
    var cone = dirty
    for node in graph.dependencies.indices {
      if graph.dependencies[node].contains(where: cone.contains) { cone.insert(node) }
      if before != nil && !cone.contains(node) {
        schedule.addDone()
      } else {
        schedule.add(
          dependencies: graph.dependencies[node], priority: node,
          isPresumed: before != nil && !dirty.contains(node))
      }
    }
  }

  func output(_ node: Int) -> Int { outputs[node] ?? before![node] }

  mutating func run() throws {
    while true {
      var decisions = schedule.decisions()
      while !decisions.isEmpty {
        for decision in decisions { take(decision) }
        decisions = schedule.decisions()
      }
      mostRunning = max(mostRunning, running.count)
      guard !work.isEmpty else { return }
      end(work.remove(at: random.next(work.count)))
    }
  }

  private mutating func take(_ decision: Schedule.Decision) {
    switch decision {
    case .lookUp(let batch):
      for node in batch {
        #expect(graph.dependencies[node].allSatisfy { schedule.state(of: $0).isDone })
        lookedUp.insert(node)
      }
      work.append(.lookUp(batch))
    case .start(let node):
      running.insert(node)
      started.append(node)
      work.append(.run(node))
    case .fetch(let node):
      #expect(!running.contains(node))
      work.append(.fetch(node))
    case .watch(let node), .waitForGraphics(let node): work.append(.watch(node))
    case .store(let batch): work.append(.store(batch))
    case .remind(let group, _): work.append(.remind(group))
    case .publish(let batch): work.append(.publish(batch))
    }
  }

  private mutating func end(_ ended: Work) {
    switch ended {
    case .lookUp(let batch):
      schedule.endedLookUp()
      for node in batch {
        let key = graph.evaluate(node, output).key
        if let output = recorded[key] {
          outputs[node] = output
          schedule.hit(node)
        } else {
          schedule.miss(node, key: Digest(of: Array("\(key)".utf8)), isLacking: random.next(3) == 0)
        }
      }
    case .fetch(let node): schedule.fetched(node)
    case .run(let node):
      running.remove(node)
      if graph.fails.contains(node) {
        _ = schedule.failed(node)
      } else if random.next(5) == 0 && elsewhere < 50 {
        elsewhere += 1
        if random.next(2) == 0 { schedule.leased(node) } else { schedule.crowded(node) }
        started.removeLast(started.last == node ? 1 : 0)
        started.removeAll { $0 == node }
      } else {
        schedule.computed(node)
      }
    case .watch(let node):
      // The other process has recorded it, or has died.
      schedule.released(node)
    case .remind(let group): schedule.due(group)
    case .store(let batch):
      let twins = schedule.stored(batch)
      for node in batch {
        let (key, output) = graph.evaluate(node, output)
        recorded[key] = output
        for each in [node] + twins[node]! { outputs[each] = output }
      }
    case .publish(let batch):
      schedule.endedPublishing()
      for node in batch { schedule.finish(node, isChanged: before.map { $0[node] != outputs[node] } ?? true) }
    }
  }
}

/// A small generator of random numbers, the same on every machine.
struct Numbers {
  private var state: UInt64

  init(_ seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 | 1 }

  mutating func next(_ bound: Int) -> Int {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return Int(state >> 11) % bound
  }
}

@Suite struct ScheduleTests {
  private static func graph(_ random: inout Numbers) -> FakeRun.Graph {
    var graph = FakeRun.Graph()
    let count = 1 + random.next(24)
    for node in 0..<count {
      var dependencies: Set<Int> = []
      if node > 0 { for _ in 0..<random.next(4) { dependencies.insert(random.next(node)) } }
      graph.dependencies.append(dependencies.sorted())
      // Few contents, so that some instances are the same action.
      graph.content.append(random.next(6))
    }
    return graph
  }

  @Test
  func
    `Every instance of a thousand random graphs runs once, behind what it depends on, in no more places than there are`()
    throws
  {
    for seed in 1...1000 as ClosedRange<UInt64> {
      var random = Numbers(seed)
      let graph = ScheduleTests.graph(&random)
      let places = 1 + random.next(4)
      var run = FakeRun(
        graph, seed: seed, places: places, keepGoing: false, recorded: [:], before: nil, dirty: [])
      try run.run()
      let (keys, outputs) = graph.evaluate()
      #expect(graph.dependencies.indices.allSatisfy { run.schedule.state(of: $0).isDone })
      #expect(graph.dependencies.indices.allSatisfy { run.outputs[$0] == outputs[$0] })
      #expect(run.mostRunning <= places)
      #expect(run.schedule.free == Capacity(places: places, cores: places))
      // Each action once, however many instances are the same.
      let ran = run.started.map { keys[$0] }
      #expect(Set(ran).count == ran.count && Set(ran) == Set(keys), "seed \(seed)")
      if !(Set(ran).count == ran.count && Set(ran) == Set(keys)) { return }
    }
  }

  @Test func `What depends on a failed instance is skipped, and all else runs if the run goes on`() throws {
    for seed in 1...1000 as ClosedRange<UInt64> {
      var random = Numbers(seed)
      var graph = ScheduleTests.graph(&random)
      graph.content = graph.content.indices.map { 100 + $0 }
      for node in graph.content.indices where random.next(6) == 0 { graph.fails.insert(node) }
      var lost = graph.fails
      for node in graph.content.indices where graph.dependencies[node].contains(where: lost.contains) {
        lost.insert(node)
      }
      var run = FakeRun(
        graph, seed: seed, places: 1 + random.next(3), keepGoing: true, recorded: [:], before: nil, dirty: [])
      try run.run()
      for node in graph.content.indices {
        let state = run.schedule.state(of: node)
        if graph.dependencies[node].contains(where: lost.contains) {
          #expect(state == .skipped)
        } else if graph.fails.contains(node) {
          #expect(state == .failed)
        } else {
          #expect(state.isDone)
        }
      }
    }
  }

  @Test func `After a change only what it reaches is looked at, and all comes out as if everything had been`()
    throws
  {
    var passedOver = 0
    for seed in 1...2000 as ClosedRange<UInt64> {
      var random = Numbers(seed)
      var graph = ScheduleTests.graph(&random)
      let (keys, before) = graph.evaluate()
      var recorded = Dictionary(zip(keys, before), uniquingKeysWith: { first, _ in first })
      if random.next(2) == 0 { recorded = recorded.filter { _ in random.next(3) > 0 } }
      var dirty: Set<Int> = []
      for _ in 0...random.next(3) {
        let node = random.next(graph.content.count)
        graph.content[node] = random.next(8)
        dirty.insert(node)
      }
      var run = FakeRun(
        graph, seed: seed, places: 2, keepGoing: false, recorded: recorded, before: before, dirty: dirty)
      try run.run()
      let (_, after) = graph.evaluate()
      for node in graph.content.indices {
        #expect(run.schedule.state(of: node).isDone)
        #expect(run.output(node) == after[node], "seed \(seed), instance \(node)")
        let reads = graph.dependencies[node].contains { after[$0] != before[$0] }
        #expect(
          run.lookedUp.contains(node) == (dirty.contains(node) || reads), "seed \(seed), instance \(node)")
      }
      passedOver += graph.content.count - run.lookedUp.count
    }
    #expect(passedOver > 10_000)
  }

  @Test func `An instance waits for cores that another one has`() {
    var schedule = Schedule(Capacity(places: 4, cores: 4, memory: 100, gpus: 1))
    let demands = [
      Resources(cores: 3), Resources(cores: 2), Resources(cores: 1, memory: 80), Resources(memory: 30),
      Resources(cores: 99),
    ]
    for node in demands.indices { schedule.add(dependencies: [], priority: node) }
    #expect(schedule.decisions() == [.lookUp([0, 1, 2, 3, 4])])
    schedule.endedLookUp()
    for (node, demand) in demands.enumerated() {
      schedule.miss(node, key: Digest(of: [UInt8(node)]), demand: demand)
    }
    // 3 cores and 1; then there is neither a core nor the memory.
    #expect(schedule.decisions() == [.start(0), .start(2)])
    schedule.computed(0)
    #expect(schedule.decisions().contains(.start(1)))
    _ = schedule.failed(2)
    #expect(schedule.state(of: 2) == .failed)
    #expect(!schedule.startsMore)
  }

  @Test func `No more are looked up while many wait for a place, unless one is free for others`() {
    var schedule = Schedule(
      Capacity(places: 2, cores: 2, memory: 100, gpus: 1), options: .init(batch: 2, lookups: 1, queue: 3))
    for node in 0..<12 { schedule.add(dependencies: [], priority: node) }
    func miss(_ nodes: ClosedRange<Int>, _ demand: Resources) {
      schedule.endedLookUp()
      for node in nodes { schedule.miss(node, key: Digest(of: [UInt8(node)]), demand: demand) }
    }
    #expect(schedule.decisions() == [.lookUp([0, 1])])
    miss(0...1, Resources(gpus: 1))
    // The second place is free as long as nobody is found that needs no graphics processor.
    #expect(schedule.decisions() == [.start(0), .lookUp([2, 3])])
    miss(2...3, Resources(gpus: 1))
    #expect(schedule.decisions() == [.lookUp([4, 5])])
    miss(4...5, Resources(gpus: 1))
    #expect(schedule.decisions() == [.lookUp([6, 7])])
    miss(6...7, .undeclared)
    #expect(schedule.decisions() == [.start(6)])
    #expect(schedule.waiting == 6)
    _ = schedule.failed(6)
    #expect(schedule.decisions().isEmpty, "there is a failure, and nothing new is begun")
  }

  @Test
  func `One waits for graphics processors that others have, those behind it for their turn, and no one else`()
  {
    var schedule = Schedule(Capacity(places: 4, cores: 4, gpus: 3), options: .init(batch: 100))
    for node in 0..<100 { schedule.add(dependencies: [], priority: node) }
    _ = schedule.decisions()
    schedule.endedLookUp()
    for node in 0..<100 {
      let demand = node == 50 ? Resources.undeclared : Resources(gpus: 1)
      schedule.miss(node, key: Digest(of: [UInt8(node)]), demand: demand)
    }
    #expect(schedule.decisions() == [.start(0), .start(1), .start(2), .start(50)])
    for node in [1, 0, 2] { schedule.crowded(node) }
    #expect(schedule.decisions() == [.waitForGraphics(1)])
    #expect(schedule.state(of: 1) == .elsewhere && schedule.waiting == 98)
    let isLent = (some: schedule.borrow(Resources(gpus: 1)), other: schedule.borrow(.undeclared))
    #expect(!isLent.some && isLent.other && !schedule.wantsBack, "those who wait do not want what is lent")
    schedule.giveBack(.undeclared)
    schedule.computed(50)
    #expect(schedule.decisions() == [.store([50])])
    schedule.released(1)
    #expect(schedule.decisions() == [.start(0), .start(1), .start(2)])
  }

  @Test func `Whoever wants more than there is runs alone`() {
    var schedule = Schedule(Capacity(places: 2, cores: 2))
    for node in 0..<2 { schedule.add(dependencies: [], priority: node) }
    _ = schedule.decisions()
    schedule.endedLookUp()
    let demand = Resources(cores: 64, gpus: 8)
    for node in 0..<2 { schedule.miss(node, key: Digest(of: [UInt8(node)]), demand: demand) }
    #expect(schedule.decisions() == [.start(0)])
    schedule.computed(0)
    #expect(schedule.decisions().contains(.start(1)))
  }

  /// A schedule in which so many instances have missed, and the first of them runs.
  private func running(_ count: Int, places: Int = 1) -> Schedule {
    var schedule = Schedule(Capacity(places: places, cores: places), options: .init(batch: count))
    for node in 0..<count { schedule.add(dependencies: [], priority: node) }
    #expect(schedule.decisions() == [.lookUp(Array(0..<count))])
    schedule.endedLookUp()
    for node in 0..<count { schedule.miss(node, key: Digest(of: Array("\(node)".utf8))) }
    #expect(schedule.decisions() == (0..<min(places, count)).map { .start($0) })
    return schedule
  }

  @Test func `Small results wait for others as long as there is something to run, and somebody is to remind`()
  {
    var schedule = running(200)
    schedule.computed(0, seconds: 0.001)
    #expect(schedule.decisions() == [.start(1), .remind(0, seconds: 0.25)])
    for node in 1..<63 {
      schedule.computed(node, seconds: 0.001)
      #expect(schedule.decisions() == [.start(node + 1)])
    }
    schedule.computed(63, seconds: 0.001)
    #expect(schedule.decisions() == [.start(64), .store(Array(0..<64))])
    // While a group is on its way the next gathers, however many there are.
    for node in 64..<180 {
      schedule.computed(node, seconds: 0.001)
      #expect(schedule.decisions() == [.start(node + 1)])
    }
    _ = schedule.stored(Array(0..<64))
    #expect(schedule.decisions().contains(.store(Array(64..<180))))
  }

  @Test func `A result that took long is not kept waiting, nor are many that took long together`() {
    var schedule = running(10)
    schedule.computed(0, seconds: 0.3)
    #expect(schedule.decisions() == [.start(1), .store([0])])
    _ = schedule.stored([0])
    for node in 1...3 { schedule.computed(node, seconds: 0.1) }
    #expect(schedule.decisions().contains(.store([1, 2, 3])))
  }

  @Test func `Results wait no longer than a moment for an instance that runs for hours`() {
    var schedule = running(3)
    schedule.computed(0, seconds: 0.001)
    #expect(schedule.decisions() == [.start(1), .remind(0, seconds: 0.25)])
    // An old reminder is none.
    schedule.due(-1)
    #expect(schedule.decisions() == [])
    schedule.due(0)
    #expect(schedule.decisions() == [.store([0])])
  }

  @Test func `Results do not wait if a place is free, or nothing is begun any more`() {
    var schedule = running(2, places: 2)
    schedule.computed(0, seconds: 0.001)
    #expect(schedule.decisions() == [.store([0])])
    schedule = running(3)
    schedule.computed(0, seconds: 0.001)
    schedule.stop()
    #expect(schedule.decisions() == [.store([0])])
  }

  @Test func `The producer of what was lost runs once more, and no more often`() {
    var schedule = Schedule(Capacity(places: 1, cores: 1))
    schedule.add(dependencies: [], priority: 0)
    schedule.add(dependencies: [0], priority: 1)
    func publish(_ node: Int) {
      #expect(schedule.decisions().contains(.publish([node])))
      schedule.endedPublishing()
      schedule.finish(node, isChanged: true)
    }
    func run(_ node: Int) {
      #expect(schedule.decisions() == [.lookUp([node])])
      schedule.endedLookUp()
      schedule.miss(node, key: Digest(of: [UInt8(node)]))
      #expect(schedule.decisions() == [.start(node)])
    }
    func lookUp(_ node: Int) {
      #expect(schedule.decisions() == [.lookUp([node])])
      schedule.endedLookUp()
    }
    lookUp(0)
    schedule.hit(0)
    publish(0)
    run(1)
    #expect(schedule.inputLost(1) { _ in [0] }.again == [0])
    run(0)
    schedule.computed(0)
    #expect(schedule.decisions() == [.store([0])])
    #expect(schedule.stored([0]) == [0: []])
    publish(0)
    run(1)
    let (again, given) = schedule.inputLost(1) { _ in [0] }
    #expect(again.isEmpty && given == [1])
    #expect(schedule.state(of: 1) == .failed)
  }
}
