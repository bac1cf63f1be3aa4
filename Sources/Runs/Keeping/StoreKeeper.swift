public import Artefacts
import System

/// Keeps a store small: see `Sweep` for the steps, and `StoreNeeds` for what stays.
public struct StoreKeeper: Sendable {
  public let store: Store
  public let rules: KeepingRules

  public init(_ store: Store, _ rules: KeepingRules = KeepingRules()) {
    self.store = store
    self.rules = rules
  }

  /// What was done, or would be.
  public struct Outcome: Sendable {
    /// What was set aside now.
    public var aside = SweptAmount()
    /// What was removed for good now.
    public var removed = SweptAmount()
    /// What is not needed, and is too young to be set aside.
    public var young = SweptAmount()
    /// What stands in `aside/` when all is done.
    public var waiting = SweptAmount()
    /// What had been set aside and is needed.
    public var takenBack = SweptAmount()
    /// What is needed and was removed for the sake of the budget.
    public var evicted: [Evicted] = []
    /// What is needed and stays.
    public var kept = SweptAmount()
    /// Bytes by which what stays is larger than the budget: nothing else may go.
    public var overBudget = 0
    /// Files of signatures that were removed, since their records are gone.
    public var signatures = 0
  }

  /// Outputs of an action that were removed although they are needed.
  public struct Evicted: Sendable {
    public let stage: String
    public let key: Digest
    public let objects: Int
    public let bytes: Int
    /// How long it takes to make them again.
    public let seconds: Double
  }

  /// How far it is.
  public enum Phase: Sendable {
    case looking
    case settingAside(Int, of: Int)
    case lookingAgain
    case removing
  }

  /// Removes what is not needed, and of what is needed as much as does not fit into a budget.
  ///
  /// - Parameters:
  ///   - budget: bytes of object files, at most; nil for any.
  ///   - isTrial: whether to find out only what would be done.
  public func collect(
    budget: Int? = nil, isTrial: Bool = false, observe: (Phase) throws -> Void = { _ in }
  ) async throws -> Outcome {
    try observe(.looking)
    var outcome = Outcome()
    // What it names is needed no more.
    if !isTrial { SavedFiles(store: store).removeOld() }
    let grace = rules.graceOfFiles
    let now = try store.timeOfFiles()
    let sweep = Sweep(of: store)
    let needs = try await StoreNeeds(of: store, rules, at: now)
    if !isTrial {
      outcome.takenBack = try store.withRoom { try sweep.takeBack(needs.wanted(but: store.removedObjects())) }
      do { try sweep.prepare() } catch let error as Failure where error.isFull {
        // What has been aside for long enough makes room for the rest.
        do { try await end(sweep, spared: [], at: now, &outcome, observe) } catch let error as Failure
          where error.isFull
        {}
        try sweep.prepare()
      }
    }

    var sizes: [Digest: Int] = [:]
    try store.forEachStored { object, bytes in
      if needs.contents.objects.contains(object) { sizes[object] = max(sizes[object] ?? 0, bytes) }
    }
    outcome.kept.objects = sizes.count
    let kept = sizes.values.reduce(0, +)
    outcome.kept.records = needs.contents.records.count { needs.graph.nodes[$0] != nil }
    outcome.kept.bytes = kept
    let choices = try budget.map { try evictions(needs, toFree: kept - $0) } ?? []
    outcome.evicted = choices.map {
      Evicted(
        stage: $0.stage, key: $0.key, objects: $0.objects.count, bytes: $0.bytes, seconds: $0.seconds)
    }
    for choice in choices {
      outcome.kept.objects -= choice.objects.count
      outcome.kept.bytes -= choice.bytes
    }

    func setAside() throws -> Sweep.Outcome {
      try sweep.setAside(
        allBut: needs.contents, writtenBefore: now - grace + 1, isTrial: isTrial,
        progress: { try observe(.settingAside($0, of: $1)) })
    }
    var swept = try setAside()
    outcome.aside = swept.amount
    outcome.young = swept.young
    outcome.overBudget = budget.map { max(0, outcome.kept.bytes + outcome.young.bytes - $0) } ?? 0
    if isTrial {
      outcome.removed = try amount(of: Aside(of: store).entries().filter { $0.since < now - grace + 1 })
      // What is set aside now is removed at once if nothing is to wait.
      if grace == 0 { outcome.removed += outcome.aside }
      return outcome
    }
    try await end(sweep, spared: [], at: now, &outcome, observe)
    // On a full disk there may be room for the rest only now.
    while swept.isFull {
      let before = outcome.removed
      swept = try setAside()
      outcome.aside += swept.amount
      try await end(sweep, spared: [], at: now, &outcome, observe)
      if outcome.removed == before { break }
    }
    // Only now is there room, on a full disk, to say what is removed although it is needed.
    if let evicted = try evict(choices, sweep) {
      try await end(sweep, spared: evicted, at: now, &outcome, observe)
    }
    outcome.waiting = try amount(of: Aside(of: store).entries())
    store.keepReserve()
    return outcome
  }

  /// Looks again, gives back, and removes.
  private func end(
    _ sweep: Sweep, spared: Set<Digest>, at now: Int64, _ outcome: inout Outcome,
    _ observe: (Phase) throws -> Void
  ) async throws {
    try observe(.lookingAgain)
    // What is set aside from here on, by another process, is for that one to look at again: it is told by its time, of which
    // the clocks of file systems show only so much.
    try await Task.sleep(for: .milliseconds(12))
    let limit = try store.timeOfFiles() - rules.graceOfFiles
    // Looked at before and behind what is in place: a record that comes back meanwhile is in one of these.
    let namedBefore = try sweep.namedAside()
    let again = try await takeBack(sweep, spared: spared, at: now, &outcome)

    try observe(.removing)
    // First what nothing names, so that there is room on a full disk to note the rest.
    let named = try named(by: again.graph)
    let leaving = try sweep.objectsAside().intersection(named).filter { try !store.contains($0) }
    outcome.removed += try sweep.removeAside(since: limit, except: leaving)
    try noteRemoved(again.graph, named, leaving) { try namedBefore.union(sweep.namedAside()) }
    outcome.removed += try sweep.removeAside(since: limit)
    try removeTold(again, writtenBefore: limit)
    outcome.signatures += try store.removeSignaturesWithoutRecords(writtenBefore: limit)
  }

  /// Removes what others have said of artefacts that are not here, and that nothing which is here was made from.
  private func removeTold(_ needs: StoreNeeds, writtenBefore limit: Int64) throws {
    let told = try store.toldRecords()
    if told.isEmpty { return }
    var makers: [Digest: [Record]] = [:]
    for record in told {
      for output in record.outputs { makers[output.artefact.digest, default: []].append(record) }
    }
    var open = try makers.keys.filter { try store.contains($0) }
    open += needs.contents.records.flatMap { needs.graph.nodes[$0]?.inputs ?? [] }
    var seen: Set<Digest> = []
    var kept: Set<Digest> = []
    while let next = open.popLast() {
      guard seen.insert(next).inserted else { continue }
      for record in makers[next] ?? [] where kept.insert(record.key).inserted {
        open += Lineage.inputs(of: record).map(\.digest)
      }
    }
    try store.removeTold(told.map(\.key).filter { !kept.contains($0) }, writtenBefore: limit)
  }

  /// Finds out once more what is needed, and gives it its place again, until nothing of it is aside: a record that comes back may
  /// need more.
  private func takeBack(
    _ sweep: Sweep, spared: Set<Digest>, at now: Int64, _ outcome: inout Outcome
  ) async throws -> StoreNeeds {
    while true {
      let needs = try await StoreNeeds(of: store, rules, at: now)
      let missed = try sweep.takeBack(needs.wanted(but: store.removedObjects().union(spared)))
      if missed.isNothing { return needs }
      outcome.takenBack += missed
      outcome.aside -= missed
    }
  }

  /// Takes artefacts out of the store that somebody does not want there, though something may need them.
  ///
  /// - Parameter isForGood: whether they are removed at once, and not only set aside.
  /// - Returns: their objects, but for those that something else needs.
  /// - Throws: `.refused` if one has a name, a pin or a colleague who may ask for it.
  public func remove(_ digests: [Digest], isForGood: Bool = false) async throws -> SweptAmount {
    let now = try store.timeOfFiles()
    let needs = try await StoreNeeds(of: store, rules, at: now)
    let bases = needs.bases(but: [])
    for digest in digests {
      if bases.contains(digest) {
        throw Failure(
          .refused, "\(digest) is not removed: others are stored as differences from it",
          hint: "'brake repack --undo' writes them so that each stands for itself")
      }
      guard needs.precious.contains(digest), let reason = needs.reasons[digest], reason != .published else {
        continue
      }
      let way =
        switch reason {
        case .reference: "it has a name: 'brake refs' shows which, 'brake unref' takes it away"
        case .pin: "it is pinned: see 'brake unpin'"
        case .shared: "it was shared: remove the list in \(store.root)/shared that names it"
        default: "something uses it at this moment"
        }
      throw Failure(.refused, "\(digest) is not removed: \(way)")
    }
    var objects: [Digest] = []
    for digest in digests { objects += try store.members(of: store.artefact(digest)).sorted() }
    let wanted = Set(digests)
    let names = Set(objects.filter { wanted.contains($0) || !isNeededElsewhere($0, needs, but: wanted) })
    let sizes = try sizes(of: names)
    let sweep = Sweep(of: store)
    try sweep.prepare()
    try store.noteRemoved(names) { _ in true }
    let moved = try sweep.setAside(names.sorted())
    if isForGood {
      // As at the end of a collection: see there.
      try await Task.sleep(for: .milliseconds(12))
      let limit = try store.timeOfFiles()
      var outcome = Outcome()
      _ = try await takeBack(sweep, spared: Set(moved), at: now, &outcome)
      let amount = try sweep.removeAside(Set(moved), since: limit)
      store.keepReserve()
      return amount
    }
    var amount = SweptAmount()
    amount.objects = moved.count
    amount.bytes = moved.reduce(0) { $0 + (sizes[$1] ?? 0) }
    return amount
  }

  /// Whether an object belongs to more than what is to be removed. Only what is in no folder that stays may go.
  private func isNeededElsewhere(_ object: Digest, _ needs: StoreNeeds, but wanted: Set<Digest>) -> Bool {
    needs.precious.contains(object) || needs.differences.there.values.contains(object)
      || needs.graph.makers[object] != nil && !wanted.contains(object)
  }

  private func evictions(_ needs: StoreNeeds, toFree bytes: Int) throws -> [Eviction.Choice] {
    if bytes <= 0 { return [] }
    let sizes = try sizes(of: needs.contents.objects.subtracting(needs.precious))
    var gone: Set<Digest> = []
    // What holds an object: the actions whose outputs it is in. It can go only with all of them.
    var holders: [Digest: Set<Digest>] = [:]
    for key in needs.contents.records.sorted() {
      let node = needs.graph.nodes[key]
      for output in node?.outputs ?? [] {
        guard try store.isWhole(output) else {
          gone.insert(output.digest)
          continue
        }
        for member in try store.members(of: output) { holders[member, default: []].insert(key) }
      }
      // What was printed stays.
      if let log = node?.log { holders[log, default: []].insert(log) }
    }
    var held: [Digest: [Digest]] = [:]
    for (object, keys) in holders where sizes[object] != nil && keys.count == 1 {
      held[keys.first!, default: []].append(object)
    }
    let read = Set(needs.contents.records.flatMap { needs.graph.nodes[$0]?.inputs ?? [] })
    let candidates = held.keys.sorted().filter { key in
      needs.graph.nodes[key]?.outputs.contains { read.contains($0.digest) } ?? false
    }.map { key in
      let objects = held[key]!.sorted()
      return (key: key, objects: objects, bytes: objects.reduce(0) { $0 + sizes[$1]! })
    }
    let makings = Makings(store: store)
    var eviction = Eviction(needs.graph, seconds: { makings.of($0)?.seconds }, gone: gone)
    let choices = eviction.choose(candidates, toFree: bytes)
    // What several hold that all go.
    let going = Set(choices.map(\.key))
    let shared = holders.filter { $0.value.count > 1 && sizes[$0.key] != nil && $0.value.isSubset(of: going) }
    let differences = needs.differences.there.merging(needs.differences.aside) { first, _ in first }
    return without(
      basesOfOthers: differences, with(shared.mapValues { $0.min()! }, choices), sizes)
  }

  /// - Parameter shared: objects, and the action to whose they are counted.
  private func with(_ shared: [Digest: Digest], _ choices: [Eviction.Choice]) -> [Eviction.Choice] {
    var more: [Digest: [Digest]] = [:]
    for (object, key) in shared { more[key, default: []].append(object) }
    return choices.map { choice in
      choice.with(choice.objects + (more[choice.key] ?? []).sorted(), bytes: choice.bytes)
    }
  }

  /// Leaves out what objects that stay are differences from, and adds up what goes.
  private func without(
    basesOfOthers differences: [Digest: Digest], _ choices: [Eviction.Choice], _ sizes: [Digest: Int]
  ) -> [Eviction.Choice] {
    var going = Set(choices.flatMap(\.objects))
    while true {
      let staying = differences.filter { going.contains($0.value) && !going.contains($0.key) }
      if staying.isEmpty { break }
      going.subtract(staying.values)
    }
    return choices.compactMap { choice in
      let objects = choice.objects.filter(going.contains)
      return objects.isEmpty ? nil : choice.with(objects, bytes: objects.reduce(0) { $0 + sizes[$1]! })
    }
  }

  /// Of those that have files of their own.
  private func sizes(of objects: Set<Digest>) throws -> [Digest: Int] {
    var sizes: [Digest: Int] = [:]
    try store.forEachStoredAlone { object, bytes in if objects.contains(object) { sizes[object] = bytes } }
    return sizes
  }

  /// - Returns: what is aside now; nil if there is nothing to evict.
  private func evict(_ choices: [Eviction.Choice], _ sweep: Sweep) throws -> Set<Digest>? {
    let objects = choices.flatMap(\.objects)
    if objects.isEmpty { return nil }
    // Before they go, so that nobody takes them for lost.
    try store.noteRemoved(Set(objects)) { _ in true }
    return Set(try sweep.setAside(objects))
  }

  /// Notes what is about to be removed and a record names that is there, needed or not: in a segment it stays as long as most of that
  /// is. Forgets of what was noted what is there again, and what no record names any more, be it aside.
  private func noteRemoved(
    _ graph: RecordGraph, _ named: Set<Digest>, _ leaving: Set<Digest>, namedAside: () throws -> Set<Digest>
  ) throws {
    let removed = try store.removedObjects()
    let back = try removed.subtracting(leaving).filter { try store.contains($0) }
    var over = removed.subtracting(leaving).subtracting(back).subtracting(named)
    if !over.isEmpty {
      over.subtract(try namedAside())
      // What a folder that has gone named is not known any more.
      let isComplete = try graph.named.allSatisfy { try $0.kind == .blob || store.contains($0.digest) }
      if !isComplete { over = [] }
    }
    over.formUnion(back)
    if over.isEmpty && leaving.isSubset(of: removed) { return }
    try store.noteRemoved(leaving) { !over.contains($0) }
    try store.noteGone(back.intersection(named))
  }

  /// What records name that are there, with what is in their folders, as far as these are there. A folder that is aside has
  /// its place again, since what is in it would not be known without it.
  private func named(by graph: RecordGraph) throws -> Set<Digest> {
    let artefacts = graph.named
    var named = Set(artefacts.map(\.digest))
    for folder in Set(artefacts.lazy.filter { $0.kind == .tree }) {
      do { named.formUnion(try store.members(of: folder)) } catch let error as Failure where error.isLoss {}
    }
    return named
  }

  private func amount(of entries: [Aside.Entry]) -> SweptAmount {
    var amount = SweptAmount()
    for entry in entries { amount.add(entry) }
    return amount
  }
}
