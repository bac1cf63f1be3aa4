public import Artefacts
import System

extension StoreKeeper {
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
        case .shared: "it was shared: 'brake unshare \(digest.short)' takes that back"
        default: "something uses it at this moment"
        }
      throw Failure(.refused, "\(digest) is not removed: \(way)")
    }
    var objects: [Digest] = []
    for digest in digests { objects += try store.members(of: store.artefact(digest)).sorted() }
    let wanted = Set(digests)
    let others = try await StoreNeeds.objects(
      of: needs.ofRuns.filter { !wanted.contains($0.digest) }, in: store)
    let names = Set(
      objects.filter { object in
        wanted.contains(object) || !others.contains(object) && !isNeededElsewhere(object, needs, but: wanted)
      })
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
    needs.precious.contains(object) || needs.differences.there.values.contains { $0.contains(object) }
      || needs.graph.makers[object] != nil && !wanted.contains(object)
  }
}
