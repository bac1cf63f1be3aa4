public import Artefacts
import System

extension RemoteStore {
  /// Opens an object for reading in parts, so that no more of it comes than is read. The calling thread waits for what is read.
  /// - Returns: nil if the place hands out whole files only.
  /// - Throws: `.notFound` if it does not have the object, or one that it is a difference from.
  public func parts(of digest: Digest) throws -> (any PartlyReadable)? {
    if let folder = files as? StoreFiles {
      guard try folder.store.contains(digest) else { throw missing(digest) }
      return try folder.store.object(digest)
    }
    guard let ranged = files as? any RangedFiles else { return nil }
    let (progress, name) = (progress, files.name)
    do {
      return try DistantObject(digest, in: name, near: scratch) { digest in
        do {
          return try DistantFile(StorePath.object(digest).text, of: ranged, progress: progress).opened
        } catch DistantFile.Missing.file {
          throw RemoteStore.missing(digest, in: name)
        }
      }
    } catch DistantFile.Missing.parts {
      return nil
    }
  }

  /// Does work that waits for other machines, on a thread that may wait.
  public static func waiting<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws
    -> Value
  {
    try await withTaskExecutorPreference(LaneThreads.shared) { try body() }
  }
}
