internal import Artefacts
internal import System

/// An object file that has come, and belongs to whoever adopts it.
struct Arrived: Sendable {
  let object: WantedObject
  let path: String
}

/// A place that hands out the files of a store as they are can have objects as differences from others.
extension RemoteStore {
  func isDifference(_ arrived: Arrived) throws -> Bool {
    try honest { try scratch.base(ofObjectFile: arrived.path, as: arrived.object.digest) != nil }
  }

  func adopt(_ arrived: Arrived, bases: [Digest: String] = [:], to publication: Publication) throws {
    try honest {
      try publication.adopt(
        objectFile: arrived.path, as: arrived.object.digest, size: arrived.object.size, bases: bases)
    }
    progress.objectsAreDone(1)
  }

  /// Fetches what differences are differences from, for as long as it is needed, and adopts them.
  /// - Returns: those that could not be had, and why.
  func adopt(differences: [Arrived], to publication: Publication) async throws -> [Digest: any Error] {
    var failures: [Digest: any Error] = [:]
    var bases: [Digest: String] = [:]
    defer { for path in bases.values { try? scratch.files.remove(path) } }
    for arrived in differences {
      defer { try? scratch.files.remove(arrived.path) }
      do {
        try await fetchBases(of: arrived, into: &bases, publication)
        try adopt(arrived, bases: bases, to: publication)
      } catch let error as CancellationError {
        throw error
      } catch {
        failures[arrived.object.digest] = error
      }
    }
    return failures
  }

  /// One after the other, up to one that stands for itself, or that is here already.
  private func fetchBases(
    of arrived: Arrived, into bases: inout [Digest: String], _ publication: Publication
  ) async throws {
    var next = (digest: arrived.object.digest, path: arrived.path)
    for _ in 0...Repacking.depthLimit {
      guard
        let base = try honest({ try scratch.base(ofObjectFile: next.path, as: next.digest) }),
        try !scratch.contains(base)
      else { return }
      if bases[base] == nil {
        let path = try publication.newPath()
        let landing = landing(of: WantedObject(base, size: nil), at: path)
        defer { landing.discard() }
        try await asking { try await files.read([landing]) }
        guard try landing.isThere() else { throw missing(base) }
        bases[base] = path
      }
      next = (base, bases[base]!)
    }
  }

  private func honest<Result>(_ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error as Failure where error.code == .damaged {
      throw RemoteFailure.lying(files.name, "sent a damaged object: \(error.headline)")
    }
  }
}
