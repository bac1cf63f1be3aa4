@testable import Artefacts

extension Store {
  /// Stores bytes that no action made.
  func put(_ bytes: [UInt8]) throws -> Digest {
    let publication = publication()
    let digest = try publication.add(bytes: bytes).digest
    try publication.commit()
    return digest
  }
}
