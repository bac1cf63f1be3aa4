public import Artefacts
import Glibc
import System

/// Signs records with somebody's SSH key.
public struct RecordSigner: Sendable {
  /// The file of a key: a private one, or a public one of which ssh-agent has the private part.
  public let key: String
  let program: SSHKeygen

  public init(key: String, searchPath: String? = nil) {
    self.key = key
    program = SSHKeygen(searchPath: searchPath)
  }

  /// Signs those of some records that this key has not signed yet, all with one signature, and keeps that in the store.
  /// - Returns: how many were signed.
  /// - Throws: if the key cannot be used, or ssh-keygen is not installed.
  @discardableResult public func sign(_ records: [Record], in store: Store) throws -> Int {
    if records.isEmpty { return 0 }
    let fingerprint = try program.fingerprint(ofKey: key)
    let check = try OwnSignatures(of: fingerprint, searchPath: program.searchPath)
    defer { check.remove() }
    var fresh: [Digest: Digest] = [:]
    var claims: Set<RecordSignature> = []
    for record in records {
      let claimed = check.claims(of: record, among: (try? store.signatures(of: record.key)) ?? nil)
      if try claimed.contains(where: { try check.isSound($0, of: record) }) { continue }
      claims.formUnion(claimed)
      fresh[record.key] = record.digest
    }
    if fresh.isEmpty {
      try store.markSigned()
      return 0
    }
    // In an order that does not depend on how they were found, so that the same records have the same signature.
    let entries = fresh.sorted { $0.key < $1.key }
    let tree = HashTree(of: entries.map(\.value))
    let signature = try program.sign(
      RecordSignature.message(root: tree.root), key: key, namespace: RecordSignature.namespace)
    var signatures: [Digest: RecordSignatures] = [:]
    for (entry, way) in zip(entries, tree.ways) {
      signatures[entry.key] = RecordSignatures([
        RecordSignature(record: entry.value, way: way, signature: signature)
      ])
    }
    let count = try store.add(signatures, inPlaceOf: claims.contains)
    if count < fresh.count {
      throw Failure(
        .refused, "\(fresh.count - count) of \(fresh.count) records have no room for another signature",
        facts: [("signed", String(count)), ("most of one record", String(RecordSignatures.most))],
        hint:
          "signatures/ in the store has a file for each record: remove those of which nobody needs the signatures"
      )
    }
    return count
  }
}

/// What a key is said to have signed, of which nothing is believed before ssh-keygen has verified it: whoever may write to a store
/// could otherwise keep a signature from being made.
private final class OwnSignatures {
  private let fingerprint: String
  private let searchPath: String?
  private var check: SignatureCheck?
  private var allowed: String?

  private static let name = "me"

  init(of fingerprint: String, searchPath: String?) throws {
    self.fingerprint = fingerprint
    self.searchPath = searchPath
  }

  func claims(of record: Record, among signatures: RecordSignatures?) -> [RecordSignature] {
    let digest = record.digest
    return (signatures?.all ?? []).filter {
      $0.record == digest && SSHSignature(armoured: $0.signature)?.fingerprint == fingerprint
    }
  }

  func isSound(_ signature: RecordSignature, of record: Record) throws -> Bool {
    guard let claim = SSHSignature(armoured: signature.signature) else { return false }
    if check == nil {
      guard let line = claim.allowedLine(for: OwnSignatures.name) else { return false }
      let file = try TemporaryFile(Array(line.utf8))
      allowed = file.path
      check = try SignatureCheck(allowed: file.path, searchPath: searchPath)
    }
    return try check!.finding(for: record, RecordSignatures([signature])) == .signed(by: OwnSignatures.name)
  }

  func remove() { if let allowed { unlink(allowed) } }
}
