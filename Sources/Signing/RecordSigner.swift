public import Artefacts
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
    var fresh: [Digest: Digest] = [:]
    for record in records where try !isSigned(record, by: fingerprint, in: store) {
      fresh[record.key] = record.digest
    }
    if fresh.isEmpty { return 0 }
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
    return try store.add(signatures)
  }

  private func isSigned(_ record: Record, by fingerprint: String, in store: Store) throws -> Bool {
    guard let signatures = (try? store.signatures(of: record.key)) ?? nil else { return false }
    let digest = record.digest
    return signatures.all.contains {
      $0.record == digest && SSHSignature(armoured: $0.signature)?.fingerprint == fingerprint
    }
  }
}
