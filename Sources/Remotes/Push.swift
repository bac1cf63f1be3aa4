public import Artefacts
import System

/// What is sent to another place: artefacts with all that they stand for, records, and names.
public struct Push: Sendable {
  public var artefacts: [Artefact]
  /// Artefacts that records name: of those that are not kept here only the recipe is sent.
  public var recorded: [Artefact] = []
  public var records: [Record]
  public var references: [Reference]

  public init(artefacts: [Artefact], records: [Record] = [], references: [Reference] = []) {
    self.artefacts = artefacts
    self.records = records
    self.references = references
  }

  /// What has been sent, and what was there already.
  public struct Outcome: Sendable {
    public var objects = 0
    public var objectsThere = 0
    public var records = 0
    public var recordsThere = 0
    /// Records that have signatures there now that they did not have.
    public var signatures = 0
    /// Artefacts that records name and that are not kept here, since they were removed to save room or never fetched: only how they are
    /// made was sent.
    public var omitted = 0
  }

  /// Sends what is not there yet: first files, then the folders that name them, then records, then names, so that whoever
  /// reads there at the same time, or after an interruption, finds nothing that leads nowhere. The signatures of records that the
  /// store has go before these. What is small waits until something is to be sent that may name it, and goes at once.
  ///
  /// - Throws: a `Failure` that names the `object` if something is missing or damaged here: then nothing that names it was
  ///   sent. `.refused` if a name that is not to be moved stands for something else.
  public func run(
    from store: Store, to remote: any RemoteFiles, progress: TransferProgress = TransferProgress()
  ) async throws -> Outcome {
    (remote as? SegmentedFiles)?.use(store)
    // What cannot have its name is not sent for hours.
    _ = try await referencesToWrite(to: remote, scratch: store)
    var attempt = 0
    while true {
      attempt += 1
      let there = try store.unremoved(recorded)
      do {
        var outcome = try await send(artefacts + there, from: store, to: remote, progress)
        outcome.omitted = Set(recorded.map(\.digest)).count - Set(there.map(\.digest)).count
        return outcome
      } catch let error as Failure {
        // A collection may have removed it, or what it belongs to, since it was looked for.
        store.forgetWhole()
        guard attempt < Push.passes, let lost = error.object, try store.removedObjects().contains(lost) else {
          throw error
        }
        if try store.unremoved(artefacts).count < artefacts.count { throw error }
      }
    }
  }

  private func send(
    _ artefacts: [Artefact], from store: Store, to remote: any RemoteFiles, _ progress: TransferProgress
  ) async throws -> Outcome {
    var outcome = Outcome()
    // With this, what is there is a store for every reader: it has neither segments nor anything else that only newer ones know.
    let isNew = try await !remote.hasStore()
    if isNew {
      try await remote.write([
        Shipment(path: StorePath.format.text, content: .bytes(Array("brake store 1\n".utf8)))
      ])
    }
    var small = SmallShipments(of: store, to: remote, progress)
    var trees: [Digest] = []
    var seen: Set<Digest> = []
    for pass in 1... {
      var isComplete = true
      try await store.forEachReachable(from: artefacts) { part in
        for lost in part.lost.sorted() {
          // What another process sets aside at this moment comes back. What a folder names is known in the next pass then.
          guard pass < Push.passes, store.hasBack(Artefact(digest: lost, kind: .blob, size: 0)) else {
            throw Failure(
              .notFound, "\(lost) cannot be sent: it is not in \(store.root), or is damaged",
              hint: "'brake verify' names what is lost, and running its stage makes it again", object: lost)
          }
          if part.trees.contains(lost) { isComplete = false }
        }
        let fresh = part.objects.filter { seen.insert($0).inserted }
        trees += fresh.filter(part.trees.contains)
        try await send(
          fresh.filter { !part.trees.contains($0) }, of: store, to: remote, isNew, progress, &small, &outcome)
      }
      if isComplete { break }
    }
    for level in try Push.levels(of: trees, in: store) {
      small.beginLater()
      for start in stride(from: 0, to: level.count, by: Push.batch) {
        let batch = Array(level[start..<min(start + Push.batch, level.count)])
        try await send(batch, of: store, to: remote, isNew, areTrees: true, progress, &small, &outcome)
      }
    }
    outcome.signatures = try await sendSignatures(of: store, to: remote)
    outcome.records = try await sendRecords(to: remote, isNew, progress, &small)
    outcome.recordsThere = records.count - outcome.records
    try await sendLists(of: artefacts, to: remote)
    try await remote.write(
      referencesToWrite(to: remote, scratch: store).map {
        Shipment(
          path: StorePath.reference($0.name).text, content: .bytes(Array("\($0.digest)\n".utf8)),
          isReplacing: true)
      })
    return outcome
  }

  /// Sends the records that are not there yet, after all that they name.
  /// - Returns: how many these are.
  private func sendRecords(
    to remote: any RemoteFiles, _ isNew: Bool, _ progress: TransferProgress, _ small: inout SmallShipments
  ) async throws -> Int {
    let there = isNew ? [] : try await remote.present(among: records.map { StorePath.record($0.key).text })
    let fresh = records.filter { !there.contains(StorePath.record($0.key).text) }
    small.beginLater()
    var large: [Record] = []
    for record in fresh {
      if try await !small.take(record) { large.append(record) }
    }
    try await small.send()
    try await remote.write(
      large.map {
        Shipment(
          path: StorePath.record($0.key).text, content: .bytes($0.storedBytes), sent: progress.bytesHaveCome)
      })
    return fresh.count
  }

  /// Adds the signatures of records to those that are there.
  private func sendSignatures(of store: Store, to remote: any RemoteFiles) async throws -> Int {
    var count = 0
    var isMarked = false
    for start in stride(from: 0, to: records.count, by: Push.batch) {
      let keys = records[start..<min(start + Push.batch, records.count)].map(\.key)
      let own = try await store.signatures(for: keys)
      let there = try await RemoteStore(remote, scratch: store).signatures(
        for: own.keys.sorted(), refusingNewer: true)
      var shipments: [Shipment] = []
      for (key, signatures) in own.sorted(by: { $0.key < $1.key }) {
        var all = there[key] ?? RecordSignatures()
        guard all.add(signatures) else { continue }
        shipments.append(
          Shipment(
            path: StorePath.signatures(key).text, content: .bytes(all.bytes), isReplacing: true))
      }
      if !own.isEmpty, !isMarked {
        try await markSigned(remote)
        isMarked = true
      }
      try await remote.write(shipments)
      count += shipments.count
    }
    return count
  }

  /// Says there that it has signatures, also where an earlier brake has sent all of them and did not say so.
  private func markSigned(_ remote: any RemoteFiles) async throws {
    // Where a store is behind it, that one sees to it.
    guard remote is SegmentedFiles else { return }
    let (path, bytes) = Store.signedMark
    if try await remote.bytes(of: path, limit: 256) != nil { return }
    try await remote.write([Shipment(path: path, content: .bytes(bytes), isReplacing: true)])
  }

  /// Says there what was sent, so that whoever collects what is not needed keeps it.
  private func sendLists(of artefacts: [Artefact], to remote: any RemoteFiles) async throws {
    let digests = Set(artefacts.map(\.digest)).sorted()
    let lists = stride(from: 0, to: digests.count, by: Push.listed).map { start in
      Store.sharedList(of: digests[start..<min(start + Push.listed, digests.count)])
    }
    try await remote.write(
      lists.map {
        Shipment(
          path: StorePath.shared(Digest($0.name)!).text, content: .bytes($0.bytes), isReplacing: true)
      })
  }

  /// Digests in one list.
  private static let listed = 100_000

  /// Folders by how many levels of folders are below them: those without any first, and each after all that it names.
  private static func levels(of trees: [Digest], in store: Store) throws -> [[Digest]] {
    var heights: [Digest: Int] = [:]
    for tree in trees {
      var open = [tree]
      while let next = open.last {
        let below = try store.tree(next).entries.filter { $0.mode == .tree }.map(\.digest)
        let unknown = below.filter { heights[$0] == nil }
        open += unknown
        guard unknown.isEmpty else { continue }
        heights[next] = 1 + (below.compactMap { heights[$0] }.max() ?? -1)
        open.removeLast()
      }
    }
    var levels = [[Digest]](repeating: [], count: (heights.values.max() ?? -1) + 1)
    for tree in trees { levels[heights[tree]!].append(tree) }
    return levels
  }

  private static let batch = 1000
  /// Through what is to be sent, at most.
  private static let passes = 8

  private func send(
    _ digests: [Digest], of store: Store, to remote: any RemoteFiles, _ isNew: Bool, areTrees: Bool = false,
    _ progress: TransferProgress, _ small: inout SmallShipments, _ outcome: inout Outcome
  ) async throws {
    // Where there was no store a moment ago, nobody has to be asked for each of its objects.
    let there = isNew ? [] : try await remote.present(among: digests.map { StorePath.object($0).text })
    let fresh = digests.filter { !there.contains(StorePath.object($0).text) }
    outcome.objectsThere += digests.count - fresh.count
    progress.expect(fresh.count)
    var large: [Digest] = []
    for digest in fresh {
      if try await !small.take(digest) { large.append(digest) }
    }
    // What is large and names something comes after it.
    if areTrees, !large.isEmpty { try await small.send() }
    try await remote.write(
      large.map { digest in
        Shipment(
          path: StorePath.object(digest).text, content: .object(digest, of: store),
          sent: progress.bytesHaveCome)
      })
    outcome.objects += fresh.count
    progress.objectsAreDone(large.count)
  }
}
