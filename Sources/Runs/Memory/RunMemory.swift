public import Actions
public import Artefacts
import Glibc
public import JSON
import Synchronization
import System

/// Remembers what a run looked at and what came of it. The next one that is asked for the same says the same if nothing
/// has changed, and else looks only at what lies behind a change, without reading the pipeline, planning it and opening
/// every record.
///
/// What is asked for is the request: the pipeline's text, what stands on the command line, the folders and the operations.
/// What may have changed is every path that such a run looks at: sources, tools, published files, records and the
/// folders of the objects that they name, and brake itself. Whoever changes any of them, with brake or without, need not
/// know of this.
public final class RunMemory: Sendable {
  let store: Store
  let root: String
  private let request: Digest
  private let secret: UserSecret?
  /// What has changed since the remembered run, once that has been asked for.
  private let changes = Mutex<Changes?>(nil)

  /// A remembered run, and the instances of which something is not as it was.
  struct Changes: Sendable {
    var run: RememberedRun
    var dirty: Set<Int>

    /// Whether an instance has to be looked at whose members others may read while it runs: what these come to takes a plan.
    var areBeforeEager: Bool {
      guard let last = run.summary.eager.max(), last >= 0, last < run.instances.count else { return false }
      var isBehind: [Bool] = []
      for number in 0...last {
        isBehind.append(
          dirty.contains(number) || run.instances[number].dependencies.contains { isBehind[Int($0)] })
      }
      return run.summary.eager.contains { $0 >= 0 && isBehind[$0] }
    }
  }

  /// The parameters are those of `PipelineFile`, `Engine` and `Engine.run`, and like them say what is run.
  public convenience init(
    text: String, path: String, overrides: [(name: String, value: String)], targets: [String],
    root: String, store: Store, registry: OperationRegistry
  ) {
    self.init(
      text: text, path: path, overrides: overrides, targets: targets, root: root, store: store,
      registry: registry, secret: .own)
  }

  init(
    text: String, path: String, overrides: [(name: String, value: String)], targets: [String],
    root: String, store: Store, registry: OperationRegistry, secret: UserSecret?
  ) {
    self.store = store
    self.root = root
    self.secret = secret
    let request: JSON = [
      "brake": "run 5",
      "pipeline": .string(Digest(of: Array(text.utf8)).hex),
      "path": .string(path),
      "overrides": .array(overrides.map { [.string($0.name), .string($0.value)] }),
      "targets": .array(targets.map { .string($0) }),
      "folder": (try? store.files.realPath(".")).map { .string($0) } ?? .null,
      "root": .string(root),
      "store": .string(store.root),
      // What operations read of the system's libraries depends on it.
      "libraries": getenv("LD_LIBRARY_PATH").map { .string(String(cString: $0)) } ?? .null,
      "operations": .array(
        registry.operations.map { [.string($0.name), .integer(Int64($0.revision))] }),
    ]
    self.request = Digest(of: request.canonicalBytes)
  }

  /// The parameters of the run that was remembered, once that has been asked for and something has changed.
  public var parameters: [String: JSON]? { changes.withLock { $0?.run.summary.parameters } }

  /// The changes that `recall` has found, for the run that deals with them.
  func takeChanges() -> Changes? {
    changes.withLock { changes in
      defer { changes = nil }
      return changes
    }
  }

  // MARK: The file

  /// Sixteen files of each user take turns, so that they never need to be cleaned up.
  private var path: String { "\(store.root)/index/run-\(geteuid())-\(request.hex.prefix(1))" }

  private var pathOfBody: String { path + "-instances" }

  /// Nothing depends on it, so that it need not be durable.
  func keep(_ run: RememberedRun) throws {
    guard let secret else { return }
    let bytes = MemoryFile.bytes(of: run, request: request, secret: secret)
    // Between the two, and where two processes write at once, they do not belong together: then nothing is remembered.
    if let body = bytes.body { try keep(body, at: pathOfBody) }
    try keep([bytes.head[...]], at: path)
  }

  /// How much is written at once.
  private static let block = 1 << 16

  private func keep(_ pieces: [ArraySlice<UInt8>], at path: String) throws {
    guard pieces.reduce(0, { $0 + $1.count }) <= MemoryFile.limit else { return }
    let temporary = try store.temporaryPath()
    _ = try store.files.makeFolders(store.root + "/index")
    try store.files.writeFile(temporary, mode: 0o600) { append in
      var block: [UInt8] = []
      for piece in pieces {
        block += piece
        guard block.count >= RunMemory.block else { continue }
        try block.withUnsafeBytes { try append($0) }
        block.removeAll(keepingCapacity: true)
      }
      try block.withUnsafeBytes { try append($0) }
    }
    do { try store.files.rename(temporary, to: path) } catch {
      try? store.files.remove(temporary)
      throw error
    }
  }

  /// What is remembered, but for the body, which `read` reads if it is needed; nil if nothing is.
  private func recalling<Answer>(
    _ secret: UserSecret, _ body: (MemoryFile, _ read: () -> [UInt8]?) -> Answer?
  ) -> Answer? {
    do {
      guard let input = try InputFile.ifPresent(path, files: store.files), input.size <= MemoryFile.limit,
        MemoryFile.isHead(try input.bytes(at: 0, count: MemoryFile.lengthOfStart), of: request),
        let file = MemoryFile(
          head: try input.bytes(at: 0, count: input.size), request: request, secret: secret)
      else { return nil }
      return body(file) { try? store.files.contents(of: pathOfBody, limit: MemoryFile.limit) }
    } catch {
      return nil
    }
  }

  /// All that is remembered, as it was; nil if nothing is.
  func recalledFile() -> RememberedRun? {
    guard let secret else { return nil }
    return recalling(secret) { file, read in read().flatMap { file.run(body: $0, secret: secret) } }
  }

  // MARK: Recalling

  /// What a run would come to; nil unless it is remembered and certain that it would be the same.
  public func recall() -> RunSummary? {
    let start = ContinuousClock.now
    changes.withLock { $0 = nil }
    guard let secret else { return nil }
    return recalling(secret) { file, read in
      guard file.summary.tools.allSatisfy({ ProgramPath.find($0.key) == $0.value }),
        isAsItWas(file, secret, read)
      else { return nil }
      var summary = RunSummary()
      summary.planned = file.summary.planned
      summary.hit = summary.planned
      summary.outputs = file.summary.outputs
      summary.published = file.summary.published
      summary.seconds = seconds(since: start)
      return summary
    }
  }

  /// Whether nothing has changed; otherwise notes what has, if that can be told.
  private func isAsItWas(_ file: MemoryFile, _ secret: UserSecret, _ read: () -> [UInt8]?) -> Bool {
    var check = MemoryCheck(file, store: store)
    guard check.isUsable else { return false }
    if !check.hasSuspects { return true }
    let hasToLook = check.reread()
    if hasToLook {
      guard let body = read(), var run = file.run(body: body, secret: secret) else { return false }
      let dirty = check.dirty(in: run)
      run.sightings = check.sightings
      run.shelves = check.shelves
      if !dirty.isEmpty {
        changes.withLock { [run] in $0 = Changes(run: run, dirty: dirty) }
        return false
      }
    }
    if check.hasLearnt {
      try? keep([file.head(check.shelves, check.sightings, secret: secret)[...]], at: path)
    }
    return true
  }
}
