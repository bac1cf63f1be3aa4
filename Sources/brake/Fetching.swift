import Artefacts
import Remotes
import System

/// Fetches what a line or a name stands for.
struct Fetching {
  private let address: RemoteAddress
  private let store: Store

  init(_ address: RemoteAddress, into store: Store) {
    self.address = address
    self.store = store
  }

  func fetch(_ line: ShareLine, withLineage: Bool) async throws -> Artefact {
    try await perform { remote in
      let artefact = try await remote.fetch(line.digest)
      if withLineage, let lineage = line.lineage {
        do { try await remote.fetchRecords(of: lineage, for: line.digest) } catch let error as Failure {
          Output.note("note: how it was made is not known: \(error)")
        }
      }
      return artefact
    }
  }

  func reference(_ name: String) async throws -> Artefact {
    try await perform { remote in
      guard let digest = try await remote.reference(name) else {
        throw Failure(.notFound, "\(remote.files.name) has no reference '\(name)'")
      }
      return try await remote.fetch(digest)
    }
  }

  /// Fetches those of some objects that the place has.
  /// - Returns: how many it had.
  func repair(_ digests: [Digest]) async throws -> Int {
    let (files, progress) = (try address.open(), TransferProgress())
    return try await Transfer.run("fetched", progress) { [store] in
      let remote = RemoteStore(files, scratch: store, progress: progress)
      let publication = store.publication()
      let failures = try await remote.copy(digests.map { WantedObject($0, size: nil) }, to: publication)
      try publication.commit()
      for error in failures.sorted(by: { $0.key < $1.key }).map(\.value) { Output.note("error: \(error)") }
      return digests.count - failures.count
    }
  }

  private func perform(_ body: @escaping @Sendable (RemoteStore) async throws -> Artefact) async throws
    -> Artefact
  {
    let progress = TransferProgress()
    let remote = RemoteStore(try address.open(), scratch: store, progress: progress)
    return try await Transfer.run("fetched", progress) { try await body(remote) }
  }
}

extension ShareLine {
  /// A line that names a whole artefact.
  /// - Throws: if it names a single tensor, which only the Python package reads without the rest.
  static func ofWhole(_ text: String) throws -> ShareLine {
    let line = try ShareLine(text)
    guard line.tensor == nil else {
      throw Failure(
        .refused, "the line names a single tensor, and this command fetches whole artefacts",
        hint: "leave out what follows '#', or read the tensor in Python: brake.open('sha256:…?from=…#name')")
    }
    return line
  }
}
