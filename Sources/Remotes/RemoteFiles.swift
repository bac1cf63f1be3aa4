public import Artefacts

/// A place that keeps the files of a store under their names: `objects/ab/…`, `actions/ab/…`, `refs/NAME`.
///
/// It is asked for whole files, many at once, and nothing that it says is believed: whoever reads a file checks it.
/// What it has once under a name of `objects/` it never replaces.
public protocol RemoteFiles: Sendable {
  /// What errors and displays call it, without passwords.
  var name: String { get }
  /// Those of some files that are there.
  /// - Throws: if it does not answer.
  func present(among paths: [String]) async throws -> Set<String>
  /// Reads files. What becomes of each is told by its landing; no failure of one keeps the others from coming.
  /// - Throws: only if nothing at all can be read any more, or the task was cancelled.
  func read(_ landings: [Landing]) async throws
  /// Writes files. Each is there as a whole afterwards, or not at all.
  /// - Throws: what went wrong with the first that could not be written.
  func write(_ shipments: [Shipment]) async throws
}

extension RemoteFiles {
  /// Whether there is a store.
  /// - Throws: if what should say so says something else, as servers do that answer everything with a page.
  public func hasStore() async throws -> Bool {
    let landing = Landing(StorePath.format.text, limit: 1 << 16)
    try await read([landing])
    guard try landing.isThere() else { return false }
    guard landing.bytes.starts(with: "brake store ".utf8) else {
      throw RemoteFailure.lying(name, "has something else where a store's file 'format' would be")
    }
    return true
  }
}

/// A file on its way to another place.
public struct Shipment: Sendable {
  /// Its name there.
  public let path: String
  public let content: Content
  /// Whether it takes the place of one that is there: of references, never of objects.
  public let isReplacing: Bool
  /// Told of how many bytes have gone.
  public let sent: @Sendable (Int) -> Void

  public enum Content: Sendable {
    case bytes([UInt8])
    /// An object file that nobody else needs: it is moved or removed.
    case file(String)
    /// An object of a store, as the store keeps it.
    case object(Digest, of: Store)
  }

  public init(
    path: String, content: Content, isReplacing: Bool = false,
    sent: @escaping @Sendable (Int) -> Void = { _ in }
  ) {
    self.path = path
    self.content = content
    self.isReplacing = isReplacing
    self.sent = sent
  }
}
