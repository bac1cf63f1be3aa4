public import System

/// The artefacts that a store keeps for a reason: what records and references name. Read as they are asked for.
public struct StoreRoots: Sequence, IteratorProtocol {
  private let store: Store
  private var keys: ArraySlice<Digest>
  private var references: ArraySlice<String>
  private var waiting: [Artefact] = []
  private let failed: (Failure) -> Void

  fileprivate init(_ store: Store, failed: @escaping (Failure) -> Void) throws {
    self.store = store
    self.failed = failed
    keys = try store.digests(under: "actions")[...]
    references = try store.references()[...]
  }

  public mutating func next() -> Artefact? {
    while waiting.isEmpty {
      if let key = keys.popFirst() {
        waiting = attempt { try store.record(key)?.artefacts } ?? []
      } else if let name = references.popFirst() {
        waiting = attempt { try store.reference(name).map { [try store.root(named: $0)] } } ?? []
      } else {
        return nil
      }
    }
    return waiting.popLast()
  }

  private func attempt<Result>(_ body: () throws -> Result?) -> Result? {
    do { return try body() } catch let error as Failure { failed(error) } catch {
      failed(Failure(.unreadable, "\(error)", cause: error))
    }
    return nil
  }
}

extension Record {
  /// Everything that it promises: its outputs and its log.
  public var artefacts: [Artefact] {
    outputs.map(\.artefact) + (log.map { [Artefact(digest: $0, kind: .blob, size: 0)] } ?? [])
  }
}

extension Store {
  /// What records and references name.
  ///
  /// - Parameter failed: told of every record and reference that cannot be read or believed. What such a one names is not
  ///   known: whoever removes what is not reachable must not go on.
  public func roots(failed: @escaping (Failure) -> Void) throws -> StoreRoots {
    try StoreRoots(self, failed: failed)
  }

  /// An artefact of which only the digest is known, if need be as a file that is not there.
  fileprivate func root(named digest: Digest) throws -> Artefact {
    guard try contains(digest) else { return Artefact(digest: digest, kind: .blob, size: 0) }
    return Artefact(digest: digest, kind: try kind(of: digest), size: 0)
  }
}
