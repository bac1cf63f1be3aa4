internal import System

extension Publication {
  /// Commits several publications of one store at once, with the cost of one. If it throws, none of them is promised.
  /// - Returns: the keys of records that were there already and stayed.
  @discardableResult public static func commit(_ publications: [Publication]) throws -> [Digest] {
    guard let first = publications.first else { return [] }
    let store = first.store
    precondition(publications.allSatisfy { $0.store === store }, "publications of different stores")
    var pendings = publications.map { $0.take() }
    let objects = pendings.flatMap { $0.objects.map(\.digest) }
    do {
      var stayed: [Digest] = []
      let small = pendings.indices.filter { !pendings[$0].records.isEmpty && pendings[$0].isSmall }
      if !small.isEmpty, store.segments.takes(small.count) {
        var group = SegmentCommit(store)
        for index in small where try group.take(pendings[index]) { pendings[index] = Pending() }
        stayed = try group.commit()
      }
      if first.gathers { stayed += try first.commitGathered(&pendings) }
      stayed += try first.commitFiles(&pendings)
      try store.noteBack(objects)
      return stayed
    } catch {
      for path in pendings.flatMap(\.temporaries) { try? store.files.remove(path) }
      throw error
    }
  }

  /// Commits what goes into a segment though no action has made it here.
  private func commitGathered(_ pendings: inout [Pending]) throws -> [Digest] {
    var stayed: [Digest] = []
    for index in pendings.indices {
      guard let gathered = pendings[index].takeGathered(atLeast: Segments.leastAtOnce) else { continue }
      var group = SegmentCommit(store)
      if try group.take(gathered) {
        stayed += try group.commit()
      } else {
        // Something in it is to have a file of its own.
        _ = pendings[index].add(gathered)
      }
    }
    return stayed
  }

  /// Commits what gets files of its own.
  private func commitFiles(_ pendings: inout [Pending]) throws -> [Digest] {
    defer { abandon() }
    var all = Pending()
    for index in pendings.indices {
      let left = all.add(pendings[index])
      pendings[index] = Pending()
      for path in left { try? store.files.remove(path) }
    }
    if all.isEmpty { return [] }
    do {
      try all.spill(with: temporaryFile, record: temporaryFile)
      // Made before the first of what was written now.
      all.note(sharedWith: take())
      return try place(all)
    } catch {
      for path in all.temporaries { try? store.files.remove(path) }
      throw error
    }
  }

  private func place(_ all: Pending) throws -> [Digest] {
    let files = store.files
    let flush = try all.flush ?? Flush(around: store.root, files: files)
    try flush.synchronise(all.temporaries)

    store.rely(on: all.objects.map(\.digest))
    var changed = all.shared
    for object in all.objects {
      guard let temporary = object.content.path else { continue }
      let path = store.objectPath(object.digest)
      changed.formUnion(try store.prepareFolder(for: path))
      changed.insert(parentFolder(of: path))
      try place(temporary, of: object.digest, at: path)
    }
    try flush.synchronise(changed.sorted())
    for file in all.segments.values { store.segments.noteDurable(file) }
    store.noteDurable(all.objects.map { parentFolder(of: store.objectPath($0.digest)) })

    var stayed: [Digest] = []
    changed = []
    for record in all.records.values.sorted(by: { $0.key < $1.key }) {
      guard let temporary = record.content.path else { continue }
      let path = store.recordPath(record.key)
      changed.formUnion(try store.prepareFolder(for: path))
      changed.insert(parentFolder(of: path))
      if try !place(temporary, of: record, at: path, &changed) { stayed.append(record.key) }
    }
    try flush.synchronise(changed.sorted())
    store.noteDurable(all.records.keys.map { parentFolder(of: store.recordPath($0)) })
    return stayed
  }

  /// Whatever has this name holds the same bytes, or is damaged and is moved away by looking at it.
  private func place(_ temporary: String, of digest: Digest, at path: String) throws {
    var attempts = 0
    while try !store.files.renameIfAbsent(temporary, to: path) {
      do {
        try store.check(digest)
        return try store.files.remove(temporary)
      } catch let error as Failure where error.isMendedByWriting && attempts < 3 {
        if error.code == .unreadable { try store.setAside(digest) }
        attempts += 1
      }
    }
  }

  /// - Returns: whether it has its place; otherwise another one was there already and stays.
  private func place(
    _ temporary: String, of record: Pending.PendingRecord, at path: String, _ changed: inout Set<String>
  ) throws -> Bool {
    let files = store.files
    let isInSegment = try store.segments.find(.record(record.key)) != nil
    if !record.isReplacing {
      // Durable, too, once the folder or the segment is: whoever put it there may not have got so far.
      let isFirst = try isInSegment ? !stays(record.key, &changed) : true
      if isFirst, try files.renameIfAbsent(temporary, to: path) { return true }
      try files.remove(temporary)
      return false
    }
    try store.checkReplaceable(recordAt: path, key: record.key)
    try files.rename(temporary, to: path)
    if isInSegment { try store.noteReplacement() }
    return true
  }

  /// Whether a record that stands in a segment is not damaged.
  private func stays(_ key: Digest, _ changed: inout Set<String>) throws -> Bool {
    do { _ = try store.record(key) } catch let error as Failure where error.code == .damaged {
      return false
    } catch is Failure {}
    if case .segment(let path) = try store.holder(ofRecord: key) { changed.insert(path) }
    return true
  }
}
