internal import Artefacts
import System

/// Small objects come to memory, and not to a file each.
extension RemoteStore {
  func isSmall(_ object: WantedObject) -> Bool {
    object.size.map { $0 <= SealedSegment.objectLimit } ?? false
  }

  func smallLanding(
    of object: WantedObject, to publication: Publication, _ take: @escaping (Arrived) throws -> Void
  ) -> Landing {
    Landing(
      StorePath.object(object.digest).text, limit: fileLimit(object), received: progress.bytesHaveCome,
      content: { try self.add($0, of: object, to: publication) },
      whenThere: { landing in
        defer { landing.forget() }
        let bytes = landing.bytes
        if try self.honest({ try publication.adopt(objectFile: bytes, as: object.digest, size: object.size) })
        {
          return self.progress.objectsAreDone(1)
        }
        let path = try publication.newPath()
        try self.scratch.files.write(bytes, to: path)
        try take(Arrived(object: object, path: path))
      })
  }

  /// Adds the bytes of an object, which have its digest.
  func add(_ content: [UInt8], of object: WantedObject, to publication: Publication) throws {
    if let size = object.size, content.count != size {
      throw RemoteFailure.damaged(
        files.name, "has \(content.count) bytes as \(object.digest), where \(size) were expected")
    }
    _ = try publication.add(bytes: content)
    progress.objectsAreDone(1)
  }
}
