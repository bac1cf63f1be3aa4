public import Artefacts
import Glibc

/// What stood at a source's path when its action's key was computed stands there no more: with what stands there now it
/// is another action.
struct InputChanged: Error {
  /// The source's path as the pipeline names it.
  let input: String
}

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

  init(_ artefact: Artefact, key: String?, origin: ActionInput.Origin, store: Store) {
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
      guard let bytes = try readSmall(path, limit: limit), Digest(of: bytes) == artefact.digest else {
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
      guard try StatCache.artefact(reading: path).digest == artefact.digest else { throw changed }
    }
  }

  /// Puts what came from the workspace into a publication.
  func add(to publication: Publication) throws {
    guard case .workspace(_, let source) = origin, try !store.contains(artefact.digest) else { return }
    guard try publication.add(path: source).digest == artefact.digest else { throw changed }
  }

  /// Copies what stands at a path, following links: read-only files, folders with all in them.
  private func copy(_ source: String, to path: String) throws {
    var status = stat()
    guard stat(source, &status) == 0 else { throw changed }
    if status.st_mode & S_IFMT == S_IFDIR {
      try makeFolders(path)
      for name in try names(in: source) { try copy(source + "/" + name, to: path + "/" + name) }
      return
    }
    // What is a pipe by now would wait for a writer.
    let from = open(source, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard from >= 0 else { throw changed }
    defer { close(from) }
    let to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o444 | (status.st_mode & 0o111))
    guard to >= 0 else { throw PipelineError(system: "write", path) }
    defer { close(to) }
    var buffer = [UInt8](repeating: 0, count: 1 << 18)
    // No more than there was: it may grow faster than it is copied.
    var left = Int(status.st_size)
    while true {
      let count = read(from, &buffer, buffer.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0, count <= left else { throw changed }
      if count == 0 { return }
      left -= count
      try writeAll(buffer[..<count], to: to, path)
    }
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
