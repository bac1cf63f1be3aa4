public import Artefacts
import Synchronization
import System

/// Another place that keeps a store's files, as a source of artefacts and records. What comes from it is checked byte by
/// byte, whoever keeps it.
public final class RemoteStore: ObjectSource, RecordSource {
  public let files: any RemoteFiles
  /// Where files are put while they come.
  let scratch: Store
  let keptBases: KeptBases
  public let progress: TransferProgress
  /// Why it is not asked any more.
  private let trouble = Mutex<(any Error)?>(nil)
  private let isPatient: Bool
  private let note: @Sendable (String) -> Void

  /// - Parameters:
  ///   - scratch: a store of this machine in whose `tmp/` files are put while they come.
  ///   - isPatient: whether it is asked again after it did not answer. A run asks once, since it can go on without.
  ///   - note: told, once, that it does not answer.
  public init(
    _ files: any RemoteFiles, scratch: Store, progress: TransferProgress = TransferProgress(),
    isPatient: Bool = true, note: @escaping @Sendable (String) -> Void = { _ in }
  ) {
    self.files = files
    self.scratch = scratch
    keptBases = KeptBases(files: scratch.files)
    self.progress = progress
    self.isPatient = isPatient
    self.note = note
    (files as? SegmentedFiles)?.use(scratch)
  }

  public func present(among digests: [Digest]) async throws -> Set<Digest> {
    let paths = Dictionary(
      digests.map { (StorePath.object($0).text, $0) }, uniquingKeysWith: { first, _ in first })
    return Set(
      try await asking { try await files.present(among: Array(paths.keys)) }.compactMap { paths[$0] })
  }

  /// For manifests and other small objects: what is larger than any manifest is copied, and not read.
  public func read(_ digest: Digest, _ body: (UnsafeRawBufferPointer) throws -> Void) async throws {
    let path = try scratch.newFilePath()
    defer { try? scratch.files.remove(path) }
    let content = Mutex<[UInt8]?>(nil)
    let landing = Landing(
      StorePath.object(digest).text, limit: 2 * Tree.manifestLimit, file: (path, scratch.files),
      received: progress.bytesHaveCome, content: { bytes in content.withLock { $0 = bytes } })
    try await asking { try await files.read([landing]) }
    guard try landing.isThere() else { throw missing(digest) }
    if let content = content.withLock({ $0 }) { return try content.withUnsafeBytes(body) }
    do { try scratch.stream(objectFile: path, as: digest, body) } catch let error as Failure
      where error.code == .damaged
    {
      throw RemoteFailure.damaged(files.name, "sent a damaged object: \(error.headline)")
    }
  }

  public func copy(
    _ objects: [WantedObject], to publication: Publication
  ) async throws -> [Digest: any Error] {
    var failures: [Digest: any Error] = [:]
    progress.expect(objects.count)
    let differences = Mutex<[Arrived]>([])
    let take: @Sendable (Arrived) throws -> Void = { [self] arrived in
      if try isDifference(arrived) { return differences.withLock { $0.append(arrived) } }
      try adopt(arrived, to: publication)
    }
    // Some have come before, as bases of others.
    var objects = objects
    for object in objects {
      guard let path = keptBases.take(object.digest) else { continue }
      do { try take(Arrived(object: object, path: path)) } catch { failures[object.digest] = error }
      objects.removeAll { $0.digest == object.digest }
    }
    let landings = try objects.map { object in
      if isSmall(object) { return smallLanding(of: object, to: publication, take) }
      let path = try publication.newPath()
      return landing(of: object, at: path, content: { try self.add($0, of: object, to: publication) }) { _ in
        try take(Arrived(object: object, path: path))
      }
    }
    defer { for landing in landings { landing.discard() } }
    do { try await asking { try await files.read(landings) } } catch let error as CancellationError {
      throw error
    } catch {
      for (object, landing) in zip(objects, landings) where landing.outcome == nil {
        failures[object.digest] = error
      }
    }
    for (object, landing) in zip(objects, landings) where failures[object.digest] == nil {
      do { if try !landing.isThere() { failures[object.digest] = missing(object.digest) } } catch {
        failures[object.digest] = error
      }
    }
    let arrived = differences.withLock { $0 }
    if !arrived.isEmpty {
      failures.merge(try await adopt(differences: arrived, to: publication)) { first, _ in first }
    }
    return failures
  }

  public var place: String? { files.name }

  /// What is no file of signatures is as if it were not there.
  public func signatures(for keys: [Digest]) async throws -> [Digest: RecordSignatures] {
    if keys.count > 1, try await hasNoSignatures() { return [:] }
    return try await signatures(for: keys, refusingNewer: false)
  }

  /// Whether a place that answers each question by itself says that there are none at all.
  private func hasNoSignatures() async throws -> Bool {
    guard files is SegmentedFiles else { return false }
    let landing = Landing(Store.signedMark.path, limit: 256)
    try await asking { try await files.read([landing]) }
    return try landing.error == nil && !landing.isThere()
  }

  /// - Parameter refusingNewer: whether a file that a newer brake has written is an error: who replaces it would lose what it says.
  func signatures(for keys: [Digest], refusingNewer: Bool) async throws -> [Digest: RecordSignatures] {
    let found = Mutex<[Digest: RecordSignatures]>([:])
    let landings = keys.map { key in
      Landing(
        StorePath.signatures(key).text, limit: RecordSignatures.sizeLimit,
        whenThere: { landing in
          defer { landing.forget() }
          do {
            let signatures = try RecordSignatures(bytes: landing.bytes, of: key)
            found.withLock { $0[key] = signatures }
          } catch let error as Failure {
            if refusingNewer, error.code == .newer { throw error }
          }
        })
    }
    try await asking { try await files.read(landings) }
    if let error = landings.lazy.compactMap(\.error).first { throw error }
    return found.withLock { $0 }
  }

  /// What a name stands for there; nil if there is none.
  public func reference(_ name: String) async throws -> Digest? {
    let landing = Landing(StorePath.reference(name).text, limit: 256)
    try await asking { try await files.read([landing]) }
    guard try landing.isThere() else { return nil }
    let text = String(decoding: landing.bytes, as: UTF8.self)
    guard text.hasSuffix("\n"), let digest = Digest(String(text.dropLast())) else {
      throw RemoteFailure.lying(files.name, "holds no digest under the reference '\(name)'")
    }
    return digest
  }

  /// Brings an artefact into the store that is scratch here, with all that it stands for if it is a folder.
  /// - Parameter digest: nobody has to know what it is: the object tells.
  public func fetch(_ digest: Digest) async throws -> Artefact {
    // Also what came before something went wrong: who is served the store as it is finds it then.
    defer { scratch.sealSegment() }
    if try !scratch.contains(digest) {
      let publication = scratch.publication()
      if let error = try await copy([WantedObject(digest, size: nil)], to: publication)[digest] {
        guard (error as? Failure)?.code == .notFound else { throw error }
        throw try await lacking(error)
      }
      // A tree is not to be there before what it names.
      if publication.kind(of: digest) == .tree {
        publication.abandon()
        try await scratch.fetch(Artefact(digest: digest, kind: .tree, size: 0), from: [self])
      } else {
        try publication.commit()
      }
    }
    let artefact = try scratch.artefact(digest)
    if artefact.kind == .tree { try await scratch.fetch(artefact, from: [self]) }
    return artefact
  }

  func landing(
    of object: WantedObject, at path: String, content: (([UInt8]) throws -> Void)? = nil,
    whenThere: @escaping (Landing) throws -> Void = { _ in }
  ) -> Landing {
    Landing(
      StorePath.object(object.digest).text, limit: fileLimit(object),
      unannounced: object.size == nil ? RemoteStore.unannouncedLimit : nil, file: (path, scratch.files),
      received: progress.bytesHaveCome, content: content, whenThere: whenThere)
  }

  /// An object file is hardly ever larger than what it holds, and never twice as large.
  func fileLimit(_ object: WantedObject) -> Int {
    object.size.map { 2 * min($0, RemoteStore.objectLimit / 4) + 65536 } ?? RemoteStore.objectLimit
  }

  /// Bytes of an object of unknown size, at most.
  private static let objectLimit = 256 << 30
  /// The same from a place that does not say beforehand how many come: nobody knows of an end then.
  private static let unannouncedLimit = 1 << 30

  /// What is to be said where something is not there: there may be no store at all.
  public func lacking(_ error: any Error) async throws -> any Error {
    if try await files.hasStore() { return error }
    return Failure(
      .notFound, "there is no store at \(files.name)",
      hint: "check the address; 'brake push' makes a store where it sends something")
  }

  func missing(_ digest: Digest) -> Failure { RemoteStore.missing(digest, in: files.name) }

  static func missing(_ digest: Digest, in place: String) -> Failure {
    Failure(
      .notFound, "\(place) does not have \(digest)",
      hint: "who has it can send it there with 'brake push' or 'brake share'")
  }

  func asking<Result>(_ body: () async throws -> Result) async throws -> Result {
    if !isPatient, let error = trouble.withLock({ $0 }) { throw error }
    do { return try await body() } catch let error as CancellationError { throw error } catch {
      throw noted(error)
    }
  }

  func noted(_ error: any Error) -> any Error {
    let isFirst = trouble.withLock { trouble in
      defer { trouble = error }
      return trouble == nil
    }
    if isFirst { note("\(error)") }
    return error
  }
}

extension Landing {
  /// Whether the file is there.
  /// - Throws: why it could not be read.
  func isThere() throws -> Bool { try outcome.map { try $0.get() == .isThere } ?? false }

  var error: (any Error)? { if case .failure(let error) = outcome { error } else { nil } }
}
