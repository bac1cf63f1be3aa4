public import Artefacts
import System

/// An input as an operation sees it.
public struct InputArtefact: Sendable {
  public let artefact: Artefact
  /// Which one of many; nil for a single input.
  public let key: String?
  private let origin: ActionInput.Origin
  private let store: Store

  public init(_ artefact: Artefact, key: String? = nil, in store: Store) {
    self.init(artefact, key: key, origin: .store, store: store)
  }

  public init(_ member: ActionInput.Member, in store: Store) {
    self.init(member.artefact, key: member.key, origin: member.origin, store: store)
  }

  private init(_ artefact: Artefact, key: String?, origin: ActionInput.Origin, store: Store) {
    self.artefact = artefact
    self.key = key
    self.origin = origin
    self.store = store
  }

  public var digest: Digest { artefact.digest }

  /// All bytes of a blob, verified.
  ///
  /// - Throws: if it is a tree, if there are more than `limit` bytes, if the bytes are not what the digest says.
  public func bytes(limit: Int = 1 << 30) throws -> [UInt8] {
    guard artefact.kind == .blob else {
      throw PipelineError("an input is a folder where a file is needed", facts: facts)
    }
    guard artefact.size <= limit else {
      throw PipelineError(
        "an input of \(artefact.size) bytes is larger than the \(limit) that this operation takes",
        facts: facts)
    }
    switch origin {
    case .store:
      return try store.bytes(of: artefact.digest, limit: limit)
    case .workspace(_, let path):
      guard let bytes = try store.files.contents(of: path, limit: limit), Digest(of: bytes) == artefact.digest
      else {
        throw changed
      }
      return bytes
    }
  }

  /// Writes a copy for programs that need a file or folder. Its bytes are those that the digest names.
  public func write(to path: String) throws {
    switch origin {
    case .store:
      try store.restore(artefact.digest, to: path)
    case .workspace(_, let source):
      try copy(source, to: path)
      let copied = try StatCache.artefact(reading: path, files: store.files)
      guard copied.digest == artefact.digest else { throw changed }
    }
  }

  /// Puts what came from the workspace into a publication.
  package func add(to publication: Publication) throws {
    guard case .workspace(_, let source) = origin, try !store.contains(artefact.digest) else { return }
    guard try publication.add(path: source).digest == artefact.digest else { throw changed }
  }

  /// Copies what stands at a path, following links: read-only files, folders with all in them.
  private func copy(_ source: String, to path: String) throws {
    let files = store.files
    guard let status = try files.status(source) else { throw changed }
    if status.isFolder {
      try files.makeFolders(path)
      for name in try files.names(in: source) { try copy(source + "/" + name, to: path + "/" + name) }
      return
    }
    guard status.isFile, let file = try InputFile.ifPresent(source, files: files) else { throw changed }
    // No more than there was: it may grow faster than it is copied. What it has become is told by its digest.
    let length = min(file.size, Int(status.size))
    try files.copy(0..<length, of: file, to: path, mode: 0o444 | status.executeMode)
  }

  private var changed: InputChanged {
    if case .workspace(let name, _) = origin { InputChanged(input: name) } else { InputChanged(input: "") }
  }

  private var facts: [(label: String, value: String)] {
    let key = key.map { [(label: "member", value: $0)] } ?? []
    switch origin {
    case .store: return key + [("input", artefact.digest.description)]
    case .workspace(let name, _): return key + [("input", name)]
    }
  }
}
