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
    try honest { try !scratch.bases(ofObjectFile: arrived.path, as: arrived.object.digest).isEmpty }
  }

  func adopt(_ arrived: Arrived, bases: [Digest: String] = [:], to publication: Publication) throws {
    try honest {
      try publication.adopt(
        objectFile: arrived.path, as: arrived.object.digest, size: arrived.object.size, bases: bases)
    }
    progress.objectsAreDone(1)
  }

  /// Adopts differences. What they are differences from is fetched, once, unless it has come, too.
  /// - Returns: those that could not be had, and why.
  func adopt(differences: [Arrived], to publication: Publication) async throws -> [Digest: any Error] {
    var failures: [Digest: any Error] = [:]
    var waiting = Dictionary(differences.map { ($0.object.digest, $0.path) }) { first, _ in first }
    for arrived in differences {
      defer {
        try? scratch.files.remove(arrived.path)
        waiting[arrived.object.digest] = nil
      }
      var used: [Digest] = []
      defer { keptBases.release(used) }
      do {
        let bases = try await bases(of: arrived, waiting, publication, &used)
        try adopt(arrived, bases: bases, to: publication)
      } catch let error as CancellationError {
        throw error
      } catch {
        failures[arrived.object.digest] = error
      }
    }
    return failures
  }

  /// The files of what a difference is one from, and of what these are, up to those that stand for themselves, or that are in the
  /// store.
  /// - Parameters:
  ///   - waiting: the files of others that have come.
  ///   - used: gets those that are kept, to be released.
  private func bases(
    of arrived: Arrived, _ waiting: [Digest: String], _ publication: Publication, _ used: inout [Digest]
  ) async throws -> [Digest: String] {
    var bases: [Digest: String] = [:]
    var level = [(digest: arrived.object.digest, path: arrived.path)]
    // Each is looked at once, on the shortest way, so that there are few whatever they say of each other.
    for _ in 0...Repacking.depthLimit {
      var next: [(digest: Digest, path: String)] = []
      for (digest, file) in level {
        for base in try honest({ try scratch.bases(ofObjectFile: file, as: digest) })
        where try bases[base] == nil && !scratch.contains(base) {
          if let path = publication.file(of: base) {
            bases[base] = path
            continue
          }
          var path = waiting[base]
          if path == nil {
            path = if let kept = keptBases.use(base) { kept } else { try await fetchBase(base, publication) }
            used.append(base)
          }
          bases[base] = path
          next.append((base, path!))
        }
      }
      level = next
    }
    return bases
  }

  private func fetchBase(_ base: Digest, _ publication: Publication) async throws -> String {
    let path = try publication.newPath()
    let landing = landing(of: WantedObject(base, size: nil), at: path)
    defer { landing.discard() }
    try await asking { try await files.read([landing]) }
    guard try landing.isThere() else { throw missing(base) }
    keptBases.keep(path, of: base, size: landing.count)
    return path
  }

  func honest<Result>(_ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error as Failure where error.code == .damaged {
      throw RemoteFailure.damaged(files.name, "sent a damaged object: \(error.headline)")
    }
  }
}
