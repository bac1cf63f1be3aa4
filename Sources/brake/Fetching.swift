import Actions
import Artefacts
import Remotes
import Runs
import System

/// Fetches what a line or a name stands for.
struct Fetching {
  private let address: RemoteAddress
  private let store: Store

  init(_ address: RemoteAddress, into store: Store) {
    self.address = address
    self.store = store
  }

  /// What was fetched, and the records that tell how it was made as far as these came, too.
  struct Fetched {
    let name: String
    let artefact: Artefact
    var records: [Record] = []
  }

  func fetch(_ line: ShareLine, _ extent: Borrowing.Extent) async throws -> Fetched {
    try await perform { remote in
      try await fetch(line.digest, named: line.digest.description, line.lineage, extent, from: remote)
    }
  }

  /// Fetches what a reference stands for, and gives it the same name here.
  /// - Parameter force: whether that name may be moved.
  func reference(_ name: String, _ extent: Borrowing.Extent, force: Bool) async throws -> Fetched {
    try await perform { [store] remote in
      guard let digest = try await remote.reference(name) else {
        throw try await remote.lacking(
          Failure(.notFound, "\(remote.files.name) has no reference '\(name)'"))
      }
      return try await store.referring(name, to: digest, force: force) {
        try await fetch(digest, named: "@" + name, nil, extent, from: remote)
      }
    }
  }

  /// Fetches an artefact, and how it was made as far as the place says so.
  /// - Parameter told: the list of records that a line names.
  private func fetch(
    _ digest: Digest, named name: String, _ told: Digest?, _ extent: Borrowing.Extent,
    from remote: RemoteStore
  ) async throws -> Fetched {
    var list = told
    if list == nil, extent != .alone {
      do { list = try await remote.reference(LineageList.reference(to: digest)) } catch let error as Failure {
        // Who says something else there may have the artefact all the same.
        if extent == .withLineage { throw error }
      }
    }
    if list == nil, extent == .withLineage {
      throw Failure(
        .notFound, "\(remote.files.name) does not say how \(name) was made",
        hint: "leave out --lineage, or have it pushed there once more by who has made it: brake push \(name)")
    }
    var fetched = Fetched(name: name, artefact: try await remote.fetch(digest))
    guard extent != .alone, let list else { return fetched }
    do {
      var outputs: [Artefact] = []
      try await remote.fetchRecords(of: list, for: digest) { record in
        // One is enough to tell who made it, and a stranger's list may be of very many.
        if fetched.records.isEmpty, record.outputs.contains(where: { $0.artefact.digest == digest }) {
          fetched.records = [record]
        }
        if extent == .withLineage { try add(record, to: &outputs, of: name, from: remote) }
      }
      try await fetch(thereOf: outputs, from: remote)
    } catch let error as Failure {
      if extent == .withLineage { throw error }
      Output.note("note: how it was made is not known: \(error)")
    }
    return fetched
  }

  private func add(
    _ record: Record, to outputs: inout [Artefact], of name: String, from remote: RemoteStore
  ) throws {
    outputs += record.outputs.map(\.artefact)
    guard outputs.count <= Fetching.mostOutputs else {
      throw Failure(
        .refused, "\(name) of \(remote.files.name) names more than \(Fetching.mostOutputs) outputs",
        hint: "fetch what you need by its digest or stage")
    }
  }

  /// Fetches those of some artefacts that the place has.
  private func fetch(thereOf outputs: [Artefact], from remote: RemoteStore) async throws {
    if outputs.isEmpty { return }
    let there = try await remote.present(among: outputs.map(\.digest))
    try await store.fetch(outputs.filter { there.contains($0.digest) }, from: [remote])
  }

  /// Outputs in the lineage of a run that somebody else names, at most.
  private static let mostOutputs = 2_000_000

  /// Fetches what a run has made that somebody has sent there, and gives it the name that it has there.
  /// - Parameter force: whether that name may be moved.
  func run(_ identifier: String, _ extent: Borrowing.Extent, force: Bool) async throws -> Fetched {
    let reference = try SharedRun.reference(to: identifier)
    return try await perform { [store] remote in
      guard let digest = try await remote.reference(reference) else {
        throw try await remote.lacking(
          Failure(
            .notFound, "\(remote.files.name) does not know of the run \(identifier)",
            hint: "runs are sent by those who have them: brake push --run \(identifier)"))
      }
      let run = try await store.referring(reference, to: digest, force: force) {
        try SharedRun(try await remote.fetch(digest), as: identifier, in: store)
      }
      let fetched = Fetched(name: "@" + reference, artefact: run.artefact)
      if extent == .alone { return fetched }
      var outputs: [Artefact] = []
      try await remote.fetchRecords(run.records) { record in
        if extent == .withLineage {
          try add(record, to: &outputs, of: "the run \(identifier)", from: remote)
        }
      }
      try await fetch(thereOf: outputs, from: remote)
      return fetched
    }
  }

  /// Fetches what stages of a pipeline have made in that place.
  func stages(_ names: [String], of engine: Engine, _ extent: Borrowing.Extent) async throws -> [Fetched] {
    try await perform { [store] remote in
      let borrowing = try await engine.borrowing(names, from: remote)
      // All that is asked for has to be known before any of it comes.
      var wanted: [NamedArtefact] = []
      do {
        for name in names { wanted += try await borrowing.artefacts(named: name) }
      } catch let error as PipelineError {
        throw error.code == .notFound ? try await remote.lacking(error) : error
      }
      try await borrowing.take(wanted, extent)
      return try wanted.map {
        Fetched(
          name: $0.name, artefact: try store.artefact($0.digest),
          records: extent == .alone ? [] : borrowing.maker(of: $0).map { [$0] } ?? [])
      }
    }
  }

  /// What came of fetching objects that are damaged or lost here.
  struct Repaired {
    let count: Int
    /// Those that the place may have all the same.
    let open: Set<Digest>
    /// Whether there is a store; nil if the place has not said so. One without may be a folder of the network that is not mounted.
    let hasStore: Bool?
  }

  /// Fetches those of some objects that the place has.
  func repair(_ digests: [Digest]) async throws -> Repaired {
    let (files, progress) = (try address.open(), TransferProgress())
    return try await Transfer.run("fetched", progress) { [store] in
      let remote = RemoteStore(files, scratch: store, progress: progress)
      let publication = store.publication()
      let failures = try await remote.copy(digests.map { WantedObject($0, size: nil) }, to: publication)
      try publication.commit()
      for error in failures.sorted(by: { $0.key < $1.key }).map(\.value) { Output.note("error: \(error)") }
      let hasStore = try? await files.hasStore()
      let open = failures.filter { hasStore != true || ($0.value as? Failure)?.meansPlaceLacksObject != true }
      return Repaired(
        count: digests.count - failures.count, open: Set(open.keys), hasStore: hasStore)
    }
  }

  private func perform<Value: Sendable>(
    _ body: @escaping @Sendable (RemoteStore) async throws -> Value
  ) async throws -> Value {
    let progress = TransferProgress()
    let remote = RemoteStore(try address.open(), scratch: store, progress: progress)
    // So that it can be served as it is, also if something goes wrong.
    defer { store.sealSegment() }
    return try await Transfer.run("fetched", progress) { try await body(remote) }
  }
}

extension ShareLine {
  /// A line that names a whole artefact.
  /// - Throws: if it names a single tensor.
  static func ofWhole(_ text: String) throws -> ShareLine {
    let line = try ShareLine(text)
    guard line.tensor == nil else {
      throw Failure(
        .refused, "the line names a single tensor, and this command fetches whole artefacts",
        hint: "leave out what follows '#', or write the tensor with 'brake get' or 'brake cat'")
    }
    return line
  }
}
