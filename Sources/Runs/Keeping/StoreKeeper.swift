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
    if !isTrial {
      SavedFiles(store: store).removeOld()
      LeftAnnouncements.remove(from: store, Leases(of: store))
    }
    outcome.writtenOut = removeWrittenOut(budget: budget, isTrial: isTrial)
    let grace = rules.graceOfFiles
    let now = try store.timeOfFiles()
    if !isTrial { try RunLists(of: store).endLeft(at: now, rules) }
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
    if isTrial { for each in outcome.evicted { outcome.aside += each.amount } }
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
    if let (evicted, amount) = try evict(choices, sweep) {
      outcome.aside += amount
      try await end(sweep, spared: evicted, at: now, &outcome, observe)
    }
    outcome.waiting = try amount(of: Aside(of: store).entries())
    store.keepReserve()
    return outcome
  }

  /// Removes inputs that are written out for commands, but for those in use: as many as are too much for `BRAKE_RESTORED` or for
  /// the budget, and all where nothing is to wait.
  /// - Returns: their bytes.
  private func removeWrittenOut(budget: Int?, isTrial: Bool) -> Int {
    let most = rules.graceOfFiles == 0 ? 0 : min(RestoredInputs.usualBudget, max(0, budget ?? Int.max))
    return RestoredInputs(of: store, budget: most, secret: nil).shrink(to: most, isTrial: isTrial).bytes
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
  func takeBack(
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

  private func amount(of entries: [Aside.Entry]) -> SweptAmount {
    var amount = SweptAmount()
    for entry in entries { amount.add(entry) }
    return amount
  }
}
