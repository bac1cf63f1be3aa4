public import Artefacts
public import Signing
import System

/// Whose records count as results.
public struct Trust: Sendable {
  public enum Group: String, Sendable, CaseIterable {
    /// Who computed them here, or once more and found the same: this user.
    case me
    /// Those whom the file of allowed signers names, as far as they have signed a record.
    case signed
    /// Anybody.
    case any
  }

  /// What is known of who stands behind a record.
  public enum Standing: Hashable, Sendable {
    /// This user has computed it here, or has computed it once more and found the same.
    case own
    case signed(by: String)
    /// By a key that the file of allowed signers does not name, or with a signature that does not hold.
    case notAllowed(key: String)
    case notSigned
  }

  public let groups: Set<Group>
  private let check: SignatureCheck
  /// What proves who that is.
  let secret: UserSecret?

  /// - Throws: `.refused` if `me` is to be believed and there is no place that proves who that is.
  public init(_ groups: Set<Group>, check: SignatureCheck) throws {
    try self.init(groups, check: check, secret: .own)
  }

  init(_ groups: Set<Group>, check: SignatureCheck, secret: UserSecret?) throws {
    if groups.contains(.me), !groups.contains(.any), secret == nil {
      throw Failure(
        .refused, "what you have computed cannot be told from what others have",
        hint:
          "brake keeps a secret for that in ~/.local/state/brake/secret: set HOME or XDG_STATE_HOME to a folder of yours, or remove that file if it has not 32 bytes that only you can read"
      )
    }
    self.groups = groups
    self.check = check
    self.secret = secret
  }

  /// Everybody's records count.
  public static let everybody = try! Trust([.any], check: SignatureCheck(allowed: nil), secret: .own)

  public var isEverybody: Bool { groups.contains(.any) }

  /// - Parameter signatures: nil for those that the store has.
  public func standing(
    of record: Record, in store: Store, _ signatures: RecordSignatures? = nil
  ) throws -> Standing {
    if Makings(store: store, secret: secret).isOwn(record) { return .own }
    return try standing(ofForeign: record, signatures ?? Trust.signatures(of: record.key, in: store))
  }

  private func standing(ofForeign record: Record, _ signatures: RecordSignatures?) throws -> Standing {
    switch try check.finding(for: record, signatures) {
    case .signed(by: let name): .signed(by: name)
    case .notAllowed(let key): .notAllowed(key: key)
    case .notSigned: .notSigned
    }
  }

  /// Why a record does not count, as a sentence without a full stop; nil if it does.
  ///
  /// - Parameter signatures: those of a record from elsewhere; nil for those that the store has.
  func refusal(of record: Record, in store: Store, _ signatures: RecordSignatures? = nil) throws -> String? {
    if isEverybody { return nil }
    if groups.contains(.me), Makings(store: store, secret: secret).isOwn(record) { return nil }
    guard groups.contains(.signed) else { return "you have not computed it" }
    switch try standing(ofForeign: record, signatures ?? Trust.signatures(of: record.key, in: store)) {
    case .own, .signed: return nil
    case .notAllowed(let key): return "it is signed with \(key), which is no allowed signer's, or not rightly"
    case .notSigned: return "it is not signed"
    }
  }

  /// What cannot be read of signatures is as if it were not there.
  private static func signatures(of key: Digest, in store: Store) -> RecordSignatures? {
    (try? store.signatures(of: key)) ?? nil
  }
}

extension Trust.Standing {
  /// For people, as what is said of a record.
  public var words: String {
    switch self {
    case .own: "computed here by you"
    // A name may stand in a certificate that somebody else has made.
    case .signed(by: let name): "signed by \(name.visible())"
    case .notAllowed(let key): "signed with \(key.visible()), which is not an allowed signer's"
    case .notSigned: "not signed"
    }
  }
}
