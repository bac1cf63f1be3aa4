public import Artefacts
import Synchronization
import System

/// Records that come from another place: those that a run asks for, and those that tell how something was made.
extension RemoteStore {
  public func records(for keys: [Digest]) async throws -> [Digest: Record] {
    let found = Mutex<(records: [Digest: Record], size: Int)>(([:], 0))
    let error = try await askForRecords(keys) { [files] record, size in
      try found.withLock { found in
        guard size <= RemoteStore.recordsLimit - found.size else {
          throw RemoteFailure.refused(
            files.name,
            "has records of more than \(RemoteStore.recordsLimit >> 20) MiB for \(keys.count) actions")
        }
        found.size += size
        found.records[record.key] = record
      }
    }
    let records = found.withLock(\.records)
    // Who can go on without them does so with those that came.
    if records.isEmpty, let error { throw noted(error) }
    return records
  }

  /// Bytes of records that are kept in memory at once.
  private static let recordsLimit = 1 << 30

  /// - Parameter take: called with each record that is there, by several at once; if it throws, the record is not had.
  /// - Returns: what went wrong with one of them: a fault of the place is no word that there is none.
  private func askForRecords(
    _ keys: [Digest], _ take: @escaping @Sendable (Record, _ size: Int) throws -> Void
  ) async throws -> (any Error)? {
    let landings = keys.map { key in
      Landing(
        StorePath.record(key).text, limit: Record.sizeLimit,
        whenThere: { landing in
          defer { landing.forget() }
          // One that is damaged or not believed is as if it were not there.
          guard let record = try? Record(storedBytes: landing.bytes, key: key) else { return }
          try take(record, landing.count)
        })
    }
    try await asking { try await files.read(landings) }
    return landings.lazy.compactMap(\.error).first { ($0 as? Failure)?.code == .remote }
  }

  /// Brings those records that a list names, as far as they are there: how an artefact is said to have been made. They are kept
  /// apart from the store's own, so that no run takes them for results.
  /// - Parameter list: the digest of a `LineageList`.
  /// - Parameter each: called with those that are there, one after the other: a stranger's may be too long to keep them all.
  public func fetchRecords(
    of list: Digest, for artefact: Digest, _ each: (Record) throws -> Void = { _ in }
  ) async throws {
    var bytes: [UInt8] = []
    try await read(list) { piece in
      guard bytes.count + piece.count <= LineageList.sizeLimit else {
        throw Failure(.refused, "\(list) is larger than any list of records")
      }
      bytes += piece
    }
    let found = try LineageList(bytes: bytes, digest: list)
    guard found.artefact == artefact else {
      throw Failure(.refused, "\(list) tells how \(found.artefact) was made, and not \(artefact)")
    }
    try await fetchRecords(found.records, each)
  }

  /// Brings the records of some actions, as far as they are there: what is said of how something was made.
  /// - Parameter each: called with those that are there, one after the other.
  public func fetchRecords(_ wanted: [Digest], _ each: (Record) throws -> Void = { _ in }) async throws {
    for start in stride(from: 0, to: wanted.count, by: 64) {
      let keys = Array(wanted[start..<min(start + 64, wanted.count)])
      // Kept as they come, since they may be too large to have them all in memory.
      let came = Mutex<(keys: [Digest], error: (any Error)?)>(([], nil))
      let error = try await askForRecords(keys) { [scratch, files] record, _ in
        do { try scratch.add(toldBy: record, from: files.name) } catch {
          return came.withLock { $0.error = error }
        }
        came.withLock { $0.keys.append(record.key) }
      }
      let (found, fault) = came.withLock { ($0.keys.sorted(), $0.error) }
      if let fault { throw fault }
      if let error { throw noted(error) }
      // A place that does not know of signatures may say so.
      if let signatures = try? await signatures(for: found) { try scratch.add(signatures) }
      for key in found {
        if let record = try scratch.toldRecord(key) { try each(record) }
      }
    }
  }
}
