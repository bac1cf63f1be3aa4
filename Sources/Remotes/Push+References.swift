public import Artefacts

extension Push {
  /// A name that something is to have in the other place.
  public struct Reference: Sendable {
    let name: String
    let digest: Digest
    private let ifTaken: IfTaken

    /// What becomes of a name that stands for something else there.
    public enum IfTaken: Sendable {
      case move
      /// Nothing has been sent then, as far as that is known beforehand.
      case refuse
      case leave
    }

    public init(_ name: String, to digest: Digest, ifTaken: IfTaken = .move) {
      self.name = name
      self.digest = digest
      self.ifTaken = ifTaken
    }

    /// - Throws: `.refused` if it stands for something else there and is not to be moved.
    fileprivate func isToBeWritten(to remote: RemoteStore) async throws -> Bool {
      if ifTaken == .move { return true }
      let before = try await remote.reference(name)
      if ifTaken == .leave { return before == nil }
      try MovedReference.refuse(name, from: before, to: digest, "in \(remote.files.name)")
      return true
    }
  }

  /// Those of the references that are to be written, as it is there at this moment.
  func referencesToWrite(to files: any RemoteFiles, scratch: Store) async throws -> [Reference] {
    let remote = RemoteStore(files, scratch: scratch)
    var written: [Reference] = []
    for reference in references where try await reference.isToBeWritten(to: remote) {
      written.append(reference)
    }
    return written
  }
}
