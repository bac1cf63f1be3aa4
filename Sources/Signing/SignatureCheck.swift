public import Artefacts
import Synchronization
import System

/// Says who has signed a record, by a file of allowed signers (ssh-keygen(1), ALLOWED SIGNERS).
public final class SignatureCheck: Sendable {
  /// What is known of the signatures of a record.
  public enum Finding: Hashable, Sendable {
    /// By a name that the file of allowed signers has for the key.
    case signed(by: String)
    /// By a key that nobody allowed, or not rightly; what the key is called, as the signature claims.
    case notAllowed(key: String)
    case notSigned
  }

  private let allowed: AllowedSigners?
  private let program: SSHKeygen
  /// By message and signature: one serves all records that were signed together.
  private let known = Mutex<[Digest: String?]>([:])

  /// - Parameter allowed: the file of allowed signers; nil if nobody is allowed.
  /// - Throws: if the file is not there, or is larger than any that people write.
  public init(allowed: String?, searchPath: String? = nil) throws {
    self.allowed = try allowed.map { try AllowedSigners(at: $0) }
    program = SSHKeygen(searchPath: searchPath)
  }

  /// - Throws: if ssh-keygen is not installed, or does not end.
  public func finding(for record: Record, _ signatures: RecordSignatures?) throws -> Finding {
    let digest = record.digest
    let own = (signatures?.all ?? []).filter { $0.record == digest }
    for signature in own {
      if let name = try signer(of: signature) { return .signed(by: name) }
    }
    let keys = own.compactMap { SSHSignature(armoured: $0.signature)?.fingerprint }
    return keys.first.map { .notAllowed(key: $0) } ?? .notSigned
  }

  private func signer(of signature: RecordSignature) throws -> String? {
    guard let allowed, let claim = SSHSignature(armoured: signature.signature),
      claim.namespace == RecordSignature.namespace, allowed.mayHold(claim.publicKey)
    else { return nil }
    let message = signature.message
    let name = Digest(of: message + Array(signature.signature.utf8))
    if let found = known.withLock({ $0[name] }) { return found }
    let found = try program.signer(
      of: message, signature: signature.signature, namespace: RecordSignature.namespace,
      allowed: allowed.path)
    known.withLock { $0[name] = .some(found) }
    return found
  }
}

/// The file that says whose signatures count.
private struct AllowedSigners: Sendable {
  let path: String
  private let text: String
  /// Whether keys may be allowed that the file does not hold, since an authority has signed them.
  private let hasAuthorities: Bool

  private static let limit = 1 << 20

  init(at path: String) throws {
    guard let bytes = try LocalFileSystem().contents(of: path, limit: AllowedSigners.limit) else {
      throw Failure(
        .notFound, "there is no file of allowed signers at \(path)",
        hint: "each line of it is a name and a public key, such as: ada@example.org ssh-ed25519 AAAA…")
    }
    self.path = path
    text = String(decoding: bytes, as: UTF8.self)
    hasAuthorities = text.lowercased().contains("cert-authority")
  }

  /// Whether ssh-keygen has to be asked: it is not for each of thousands of signatures by keys that the file does not name.
  func mayHold(_ publicKey: [UInt8]) -> Bool { hasAuthorities || text.contains(Base64.text(publicKey)) }
}
