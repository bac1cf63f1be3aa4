import Actions
import Artefacts
import Pipeline

/// Decides what happens next to the instances of a run. Pure: events go in, decisions come out, and whoever carries them
/// out says what came of it. An instance is a number here, given in the order in which instances are added.
///
///     waiting -> lookingUp -> publishing -> done          recorded already
///                          -> queued -> running -> storing -> publishing -> done
///                                    -> elsewhere -> queued     another process computes the same action
///                                                               or it is the one that waits for graphics processors
///                          -> fetching -> queued           what it reads comes from elsewhere than the store
///                          -> twin                         another instance of this run is the same action
///
/// Every state can also become `failed`, and whatever waits for that `skipped`.
struct Schedule {
  /// One for each instance, of which there may be very many: what few of them have stands elsewhere.
  private var nodes: [Node] = []
  /// Of those that were not recorded when they were looked up, until they are done.
  private var work: [Int: Work] = [:]
  private let options: Options
  private var room: Capacity
  /// What of it something has that is no instance.
  private var lent: [Resources] = []

  private var ready = IndexHeap()
  private var queue = IndexHeap()
  private var fetches: [Int] = []
  private var watched: [Int] = []
  /// The one that waits for graphics processors which others than this run have: meanwhile nothing else is begun that needs some.
  private var crowded: Int?
  private var isCrowdedTold = true
  private var computed: [Int] = []
  /// How long those took that wait to be made durable, and whether they have waited long enough.
  private var atRisk = 0.0
  private var isDue = false
  /// How many groups have been made durable, and the last of which somebody is to remind this.
  private var group = 0
  private var reminded = -1
  private var published: [Int] = []

  private var lookups = 0
  private var isStoring = false
  private var isPublishing = false
  /// Of each action that waits for a place, runs or is being stored, the instances that are the same, the first of them
  /// the one that does it.
  private var inFlight: [Digest: [Int]] = [:]
  /// The actions that this run has computed.
  private(set) var made: Set<Digest> = []
  private var isStopped = false
  private(set) var hasFailed = false

  init(_ capacity: Capacity, options: Options = Options()) {
    room = capacity
    self.options = options
  }

  var count: Int { nodes.count }
  func state(of node: Int) -> State { nodes[node].state }
  func isRepaired(_ node: Int) -> Bool { nodes[node].isRepaired }
  /// Whether any wait for it.
  func hasDependants(_ node: Int) -> Bool { !nodes[node].dependants.isEmpty }
  /// What is not in use of what the machine has.
  var free: Capacity { room }
  /// How many instances wait for a place.
  var waiting: Int { queue.count }

  /// Whether anything new is begun.
  var startsMore: Bool { !isStopped && (!hasFailed || options.keepGoing) }

  /// Begins nothing any more.
  mutating func stop() { isStopped = true }

  /// Says that something failed that is no instance.
  mutating func noteFailure() { hasFailed = true }

  // MARK: Instances

  /// Adds an instance.
  ///
  /// - Parameters:
  ///   - priority: the smallest comes first where several could.
  ///   - isPresumed: it is done as before, unless something that it depends on comes out otherwise.
  /// - Returns: its number.
  @discardableResult
  mutating func add(
    dependencies: [Int], priority: Int, isPresumed: Bool = false
  ) -> Int {
    let number = nodes.count
    var node = Node(priority: priority)
    node.isPresumed = isPresumed
    var isLost = false
    for dependency in dependencies {
      if nodes[dependency].state.isDone { continue }
      if nodes[dependency].state.isLostCause { isLost = true }
      node.missing += 1
      nodes[dependency].dependants.append(number)
    }
    nodes.append(node)
    if isLost {
      skip(number)
    } else if node.missing == 0 {
      settle(number)
    }
    return number
  }

  /// Gives instances another order.
  mutating func reorder(_ priority: (Int) -> Int) {
    for node in nodes.indices { nodes[node].priority = priority(node) }
    let (ready, queue) = (self.ready.elements, self.queue.elements)
    self.ready = IndexHeap()
    self.queue = IndexHeap()
    for node in ready { self.ready.insert(node, nodes[node].priority) }
    for node in queue { self.queue.insert(node, nodes[node].priority) }
  }

  /// All that an instance depends on is done.
  private mutating func settle(_ node: Int) {
    if nodes[node].isPresumed {
      finish(node, hit: true, isChanged: false)
    } else {
      ready.insert(node, nodes[node].priority)
    }
  }

  /// Adds an instance of which nothing can have changed.
  mutating func addDone() {
    var node = Node(priority: nodes.count)
    node.state = .done(hit: true)
    nodes.append(node)
  }

  // MARK: Decisions

  /// What is to be done now. Each decision is told once; with none, and none under way, the run has come to its end.
  mutating func decisions() -> [Decision] {
    var decisions: [Decision] = []
    if startsMore {
      decisions += fetches.map { .fetch($0) }
      fetches = []
      start(&decisions)
    }
    while startsMore, lookups < options.lookups, queue.count < options.queue || room.hasPlace, !ready.isEmpty
    {
      var batch: [Int] = []
      while batch.count < options.batch, let node = ready.popSmallest() {
        nodes[node].state = .lookingUp
        batch.append(node)
      }
      lookups += 1
      decisions.append(.lookUp(batch))
    }
    decisions += watched.map { .watch($0) }
    watched = []
    if let crowded, !isCrowdedTold {
      decisions.append(.waitForGraphics(crowded))
      isCrowdedTold = true
    }
    store(&decisions)
    if !isPublishing, !published.isEmpty {
      isPublishing = true
      decisions.append(.publish(published))
      published = []
    }
    return decisions
  }

  /// Has results made durable, unless it is better to wait for more.
  private mutating func store(_ decisions: inout [Decision]) {
    if isStoring || computed.isEmpty { return }
    let isIdle = room.hasPlace && lookups == 0 || !startsMore
    if isIdle || isDue || computed.count >= options.group || atRisk >= options.patience {
      isStoring = true
      decisions.append(.store(computed))
      computed = []
      atRisk = 0
      isDue = false
      group += 1
    } else if reminded < group {
      reminded = group
      decisions.append(.remind(group, seconds: options.patience))
    }
  }

  // MARK: Beside the instances

  /// Takes room for something that is no instance.
  /// - Returns: whether there is any.
  mutating func borrow(_ demand: Resources) -> Bool {
    guard startsMore, !isHeldBack(demand), room.take(demand) else { return false }
    lent.append(demand)
    return true
  }

  /// Gives back what was taken so.
  mutating func giveBack(_ demand: Resources) {
    room.give(demand)
    if let place = lent.firstIndex(of: demand) { lent.remove(at: place) }
  }

  /// Whether an instance could start if what is lent were given back: then nothing more is to be taken.
  var wantsBack: Bool {
    if lent.isEmpty || queue.isEmpty { return false }
    var whole = room
    for demand in lent { whole.give(demand) }
    return queue.elements.contains { node in
      var rest = whole
      return !isHeldBack(demand(of: node)) && rest.take(demand(of: node))
    }
  }

  /// Whether an instance that does an action waits for a place, runs or is being stored.
  func isInFlight(_ key: Digest) -> Bool { inFlight[key] != nil }

  /// The first in the queue for which there is room, as often as there is one.
  private mutating func start(_ decisions: inout [Decision]) {
    var passedOver: [Int] = []
    while room.hasPlace, let node = queue.popSmallest() {
      guard !isHeldBack(demand(of: node)), room.take(demand(of: node)) else {
        passedOver.append(node)
        continue
      }
      nodes[node].state = .running
      decisions.append(.start(node))
    }
    for node in passedOver { queue.insert(node, nodes[node].priority) }
  }

  // MARK: Events

  /// A batch of look-ups has come back, whatever it brought.
  mutating func endedLookUp() { lookups -= 1 }

  /// An instance is recorded.
  mutating func hit(_ node: Int) { publish([node], hit: true) }

  /// An instance must run.
  /// - Parameter isLacking: whether what it reads has to be brought into the store first.
  mutating func miss(
    _ node: Int, key: Digest, demand: Resources = .undeclared, isLacking: Bool = false
  ) {
    work[node] = Work(key: key, demand: demand)
    if inFlight[key] != nil {
      inFlight[key]!.append(node)
      nodes[node].state = .twin
    } else {
      inFlight[key] = [node]
      if isLacking {
        nodes[node].state = .fetching
        fetches.append(node)
      } else {
        enqueue(node)
      }
    }
  }

  /// What an instance reads is in the store now.
  mutating func fetched(_ node: Int) { enqueue(node) }

  private mutating func enqueue(_ node: Int) {
    nodes[node].state = .queued
    queue.insert(node, nodes[node].priority)
  }

  /// An instance was not looked at, since the run is ending.
  mutating func unseen(_ node: Int) { nodes[node].state = .waiting }

  private func demand(of node: Int) -> Resources { work[node]?.demand ?? .undeclared }

  /// Whether something has to wait behind the one that waits for graphics processors.
  private func isHeldBack(_ demand: Resources) -> Bool { crowded != nil && (demand.gpus ?? 0) > 0 }

  private mutating func leave(_ node: Int) { room.give(demand(of: node)) }

  /// A running instance has computed its outputs; they are not durable yet.
  mutating func computed(_ node: Int, seconds: Double = 0) {
    leave(node)
    nodes[node].state = .storing
    computed.append(node)
    atRisk += seconds
  }

  /// The time has come of which it was to be reminded.
  mutating func due(_ group: Int) { if group == self.group { isDue = true } }

  /// Another process has recorded what was about to run.
  /// - Returns: all instances that are this action.
  mutating func found(_ node: Int) -> [Int] {
    leave(node)
    let all = settleAction(of: node)
    publish(all, hit: true)
    return all
  }

  /// Another process computes what was about to run.
  mutating func leased(_ node: Int) {
    leave(node)
    nodes[node].state = .elsewhere
    watched.append(node)
  }

  /// Others than this run have the graphics processors that were needed for what was about to run. One waits for them at a time, and the
  /// others for their turn.
  mutating func crowded(_ node: Int) {
    leave(node)
    if crowded != nil { return enqueue(node) }
    nodes[node].state = .elsewhere
    crowded = node
    isCrowdedTold = false
  }

  /// There is nothing to wait for any more.
  mutating func released(_ node: Int) {
    if crowded == node { crowded = nil }
    enqueue(node)
  }

  /// What was computed is durable, of these: the others of the group have failed.
  /// - Returns: of each instance the others that are the same action.
  mutating func stored(_ batch: [Int]) -> [Int: [Int]] {
    isStoring = false
    var twins: [Int: [Int]] = [:]
    for node in batch {
      if let key = work[node]?.key { made.insert(key) }
      let all = settleAction(of: node)
      publish([node], hit: false)
      twins[node] = all.filter { $0 != node }
      publish(twins[node]!, hit: true)
    }
    return twins
  }

  /// A batch of publications has come back.
  mutating func endedPublishing() { isPublishing = false }

  /// The outputs of an instance stand where they are published.
  /// - Parameter isChanged: whether they are other outputs than those that its dependants are presumed with.
  mutating func finish(_ node: Int, isChanged: Bool) {
    finish(node, hit: nodes[node].isRecorded, isChanged: isChanged)
  }

  /// A running instance was ended from outside.
  mutating func abandoned(_ node: Int) {
    leave(node)
    for each in settleAction(of: node) { nodes[each].state = .waiting }
  }

  /// An instance that was looked up, waited or ran has failed, and with it all that are the same action.
  /// - Returns: those others.
  mutating func failed(_ node: Int) -> [Int] {
    if nodes[node].state == .running { leave(node) }
    let twins = settleAction(of: node).filter { $0 != node }
    for each in [node] + twins { fail(each) }
    return twins
  }

  /// A source of a running instance is not what it was when it was looked up.
  /// - Returns: the instances that are looked up again, and those that have been too often.
  mutating func inputChanged(_ node: Int) -> (again: [Int], given: [Int]) {
    leave(node)
    var result: (again: [Int], given: [Int]) = ([], [])
    for each in settleAction(of: node) {
      nodes[each].changes += 1
      if nodes[each].changes > 3 {
        result.given.append(each)
        fail(each)
      } else {
        result.again.append(each)
        nodes[each].state = .waiting
        ready.insert(each, nodes[each].priority)
      }
    }
    return result
  }

  /// A running instance, or one for which it was fetched, lacks inputs that others make, and waits until these have made them
  /// again.
  ///
  /// - Parameter producers: of each instance that is the same action, who makes what is lost, each once; none where nobody makes
  ///   some of it.
  /// - Returns: the producers that run again, and the instances that nothing can help.
  mutating func inputLost(_ node: Int, producers: (Int) -> [Int]) -> (again: [Int], given: [Int]) {
    if nodes[node].state == .running { leave(node) }
    var result: (again: [Int], given: [Int]) = ([], [])
    for each in settleAction(of: node) {
      let producers = producers(each)
      let canHelp = producers.allSatisfy {
        !nodes[$0].state.isLostCause && (!nodes[$0].state.isDone || !nodes[$0].isRepaired)
      }
      guard !producers.isEmpty, canHelp else {
        result.given.append(each)
        fail(each)
        continue
      }
      nodes[each].state = .waiting
      nodes[each].missing = producers.count
      for producer in producers {
        nodes[producer].dependants.append(each)
        guard nodes[producer].state.isDone else { continue }
        nodes[producer].isRepaired = true
        nodes[producer].isPresumed = false
        result.again.append(producer)
        nodes[producer].state = .waiting
        ready.insert(producer, nodes[producer].priority)
      }
    }
    return result
  }

  /// An output of an instance that is being published is lost, and it is looked up and run again.
  /// - Returns: whether that can help; otherwise it has failed.
  mutating func outputLost(_ node: Int) -> Bool {
    guard !nodes[node].isRepaired else {
      fail(node)
      return false
    }
    nodes[node].isRepaired = true
    nodes[node].state = .waiting
    ready.insert(node, nodes[node].priority)
    return true
  }

  // MARK: Ends

  private mutating func publish(_ batch: [Int], hit: Bool) {
    for node in batch {
      nodes[node].state = .publishing
      nodes[node].isRecorded = hit
    }
    published += batch
  }

  private mutating func settleAction(of node: Int) -> [Int] {
    guard let key = work[node]?.key, let all = inFlight[key], all.first == node else { return [node] }
    inFlight[key] = nil
    return all
  }

  private mutating func finish(_ node: Int, hit: Bool, isChanged: Bool) {
    // A queue of its own: a chain of presumed instances may be long.
    var ends = [(node, isChanged)]
    nodes[node].state = .done(hit: hit)
    work[node] = nil
    while let (node, isChanged) = ends.popLast() {
      let dependants = nodes[node].dependants
      nodes[node].dependants = []
      for dependant in dependants {
        nodes[dependant].missing -= 1
        if isChanged { nodes[dependant].isPresumed = false }
        guard nodes[dependant].missing == 0, nodes[dependant].state == .waiting else { continue }
        if nodes[dependant].isPresumed {
          nodes[dependant].state = .done(hit: true)
          ends.append((dependant, false))
        } else {
          ready.insert(dependant, nodes[dependant].priority)
        }
      }
    }
  }

  private mutating func fail(_ node: Int) {
    hasFailed = true
    nodes[node].state = .failed
    work[node] = nil
    let dependants = nodes[node].dependants
    nodes[node].dependants = []
    for dependant in dependants { skip(dependant) }
  }

  private mutating func skip(_ node: Int) {
    var lost = [node]
    while let node = lost.popLast() {
      guard nodes[node].state == .waiting else { continue }
      nodes[node].state = .skipped
      lost += nodes[node].dependants
      nodes[node].dependants = []
    }
  }
}
