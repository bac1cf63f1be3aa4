import Artefacts

extension StoreKeeper {
  func evictions(_ needs: StoreNeeds, toFree bytes: Int) throws -> [Eviction.Choice] {
    if bytes <= 0 { return [] }
    // An action can have copied what nobody can make again, or a part of it.
    let sizes = try sizes(of: needs.contents.objects.subtracting(needs.precious).subtracting(needs.sources))
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
    basesOfOthers differences: [Digest: [Digest]], _ choices: [Eviction.Choice], _ sizes: [Digest: Int]
  ) -> [Eviction.Choice] {
    var going = Set(choices.flatMap(\.objects))
    while true {
      let staying = differences.lazy.filter { !going.contains($0.key) }.flatMap(\.value)
      let needed = going.intersection(staying)
      if needed.isEmpty { break }
      going.subtract(needed)
    }
    return choices.compactMap { choice in
      let objects = choice.objects.filter(going.contains)
      return objects.isEmpty ? nil : choice.with(objects, bytes: objects.reduce(0) { $0 + sizes[$1]! })
    }
  }

  /// Of those that have files of their own.
  func sizes(of objects: Set<Digest>) throws -> [Digest: Int] {
    var sizes: [Digest: Int] = [:]
    try store.forEachStoredAlone { object, bytes in if objects.contains(object) { sizes[object] = bytes } }
    return sizes
  }

  /// - Returns: what is aside now, and how much that is; nil if there is nothing to evict.
  func evict(_ choices: [Eviction.Choice], _ sweep: Sweep) throws -> (Set<Digest>, SweptAmount)? {
    let objects = choices.flatMap(\.objects)
    if objects.isEmpty { return nil }
    let sizes = try sizes(of: Set(objects))
    // Before they go, so that nobody takes them for lost.
    try store.noteRemoved(Set(objects)) { _ in true }
    let moved = Set(try sweep.setAside(objects))
    var amount = SweptAmount()
    amount.objects = moved.count
    amount.bytes = moved.reduce(0) { $0 + (sizes[$1] ?? 0) }
    return (moved, amount)
  }
}
