internal import Safetensors
public import System

/// Stores objects in fewer bytes, as differences from others that are much like them, or again so that each stands for
/// itself. Their names, and what is read of them, stay what they are.
///
/// An object's file is written anew beside it, read back, made durable, and takes the place of the old one at one stroke:
/// whoever reads the old one goes on, and whoever is killed on the way leaves it. Only one process at a time does
/// this, see `Store.lockBases`; others may read and write at the same time.
public final class Repacking {
  let store: Store
  let isDry: Bool
  private let lock: BaseLock?
  private(set) var graph: BaseGraph

  /// What became of an object.
  public struct Change: Sendable {
    public let object: Digest
    /// From which it is a difference now; nil if it stands for itself.
    public let base: Digest?
    /// The object with the moments from which weights were predicted; nil if none were.
    public let states: Digest?
    /// Its most frequent type of elements, as in safetensors files; nil if it is none.
    public let elements: String?
    public let logicalBytes: Int
    /// Bytes of its file.
    public let before: Int
    public let after: Int
  }

  /// - Parameter isDry: whether nothing is to be changed.
  /// - Throws: `.refused` if another process is at it.
  public init(of store: Store, isDry: Bool = false) throws {
    self.store = store
    self.isDry = isDry
    lock = isDry ? nil : try store.lockBases()
    graph = try BaseGraph(of: store)
  }

  /// The objects that are likely to be much like an earlier one, by what records say of them.
  /// - Parameter failed: told of records that cannot be read or believed.
  public func successions(failed: (Failure) -> Void) throws -> [Succession] {
    try Successions(in: store.records(damaged: failed)).pairs(in: store)
  }

  /// Objects that have a base, sorted.
  public var differences: [Digest] { graph.differences }

  /// Stores an object as a difference from another one, if that saves a twentieth of its bytes at least.
  ///
  /// - Parameters:
  ///   - succession: the object, which is the later one, and the other. Where it names states, only as what one of these and the
  ///     earlier one predict.
  ///   - limit: how many bases may stand one behind the other, from 1 to `depthLimit`.
  /// - Returns: nil if it stays as it is: it has a base, or shares a segment with others, or would stand behind too many
  ///   bases, or has too little in common with the other one, or either is not there.
  public func pack(_ succession: Succession, limit: Int) throws -> Change? {
    try unlessGone([succession.later, succession.earlier] + succession.states) {
      try pack(succession, limit)
    }
  }

  private func pack(_ succession: Succession, _ limit: Int) throws -> Change? {
    let (object, base) = (succession.later, succession.earlier)
    // Said before it is looked for, so that whoever collects what is not needed leaves it.
    store.rely(on: base)
    guard !graph.hasBase(object), graph.canSet([base], of: object, limit: limit),
      try store.hasLoose(object), try store.hasLoose(base)
    else { return nil }
    let (later, earlier) = (try store.object(object), try store.object(base))
    if !succession.states.isEmpty {
      for states in succession.states {
        if let change = try packUpdate(later, earlier, states, limit) { return change }
      }
      return nil
    }
    guard let planner = try DeltaPlanner(later, against: earlier), let chunks = planner.chunks else {
      return nil
    }
    // Second moments take twice as much to read, and so stand behind half as many.
    let predicts = chunks.contains { $0.delta?.moments != nil }
    guard !predicts || graph.canSet([base], of: object, limit: limit, isPredicted: true) else { return nil }
    return try write(
      later, chunks, against: DeltaBase(digest: base, read: earlier.read), unless: Repacking.isPoor)
  }

  /// Stores weights as what an update has made of earlier ones, by the moments that it has left.
  private func packUpdate(
    _ later: StoredObject, _ earlier: StoredObject, _ states: Digest, _ limit: Int
  ) throws -> Change? {
    store.rely(on: states)
    guard states != earlier.digest,
      graph.canSet([earlier.digest, states], of: later.digest, limit: limit), try store.hasLoose(states)
    else { return nil }
    let source = try MomentSource(states, in: store)
    guard let planner = try DeltaPlanner(later, against: earlier, updatedBy: source),
      let chunks = planner.chunks, chunks.contains(where: { $0.delta?.codec == .updatedWeights })
    else { return nil }
    let base = DeltaBase(
      digest: earlier.digest, read: earlier.read,
      states: (states, first: source.first.read, second: source.second.read))
    return try write(later, chunks, against: base, unless: Repacking.isPoor)
  }

  /// Whether too little is saved.
  private static func isPoor(before: Int, after: Int) -> Bool { after > before - before / 20 }

  /// Stores an object that has a base so that it stands for itself.
  /// - Returns: nil if it has none.
  public func unpack(_ object: Digest) throws -> Change? {
    try unlessGone([object]) { try unpackThere(object) }
  }

  /// What is removed on the way by who collects what is not needed needs no packing.
  private func unlessGone(_ objects: [Digest], _ body: () throws -> Change?) throws -> Change? {
    do { return try body() } catch let error as Failure where error.code == .notFound {
      if try objects.allSatisfy(store.hasLoose) { throw error }
      return nil
    }
  }

  private func unpackThere(_ object: Digest) throws -> Change? {
    guard graph.hasBase(object), try store.hasLoose(object) else { return nil }
    let content = try store.object(object)
    let source = ByteSource(size: content.size, read: content.read)
    return try write(content, ChunkPlan.chunks(of: source), against: nil, unless: { _, _ in false })
  }

  /// Says that older brakes can read the store again, if they can.
  public func finish() throws {
    if !isDry, graph.differences.isEmpty, try BaseGraph(of: store).differences.isEmpty {
      try StoreFolder(root: store.root, files: store.files).makeUnpacked()
    }
  }

  /// How many bases may stand one behind the other.
  public static var depthLimit: Int { ObjectFormat.baseLimit }
  /// How many do where nothing else is said: as many as leave half of the speed at which an object is read. Weights that are
  /// predicted take a fiftieth of the room, and are read at a quarter of that speed.
  public static var usualDepth: Int { 2 }

  private func write(
    _ content: StoredObject, _ chunks: [ChunkPlan], against base: DeltaBase?,
    unless isPoor: (_ before: Int, _ after: Int) -> Bool
  ) throws -> Change? {
    let (object, files) = (content.digest, store.files)
    let path = store.objectPath(object)
    guard let old = try files.status(path) else { return nil }
    let temporary = try store.temporaryPath()
    defer { try? files.remove(temporary) }
    let source = ByteSource(size: content.size) {
      try Task.checkCancellation()
      try content.read(into: $0, at: $1)
    }
    let result = try ObjectWriter(files: files, pool: store.coders).write(
      source, chunks, against: base, to: { temporary }, unless: { _ in false })
    // Nothing but the digest proves what was read.
    if result.artefact.digest != object { try store.check(object) }
    // Weights that no moments predict stay for a plain difference, which others may stand behind as well.
    guard result.artefact.digest == object, let new = try files.status(temporary),
      !isPoor(Int(old.size), Int(new.size)), base?.states == nil || result.bases.count > 1
    else { return nil }
    if try !isDry && !place(temporary, of: object, result.bases, insteadOf: old) { return nil }
    graph.set(result.bases, of: object)
    return Change(
      object: object, base: base?.digest, states: base?.states?.digest,
      elements: try content.tensors()?.mostFrequentType?.rawValue,
      logicalBytes: content.size, before: Int(old.size), after: Int(new.size))
  }

  /// - Returns: false if another file stands there by now: somebody has found the old one damaged.
  private func place(
    _ temporary: String, of object: Digest, _ bases: [Digest], insteadOf old: FileStatus
  ) throws -> Bool {
    let (files, path) = (store.files, store.objectPath(object))
    do {
      try ObjectReader(ObjectFile(InputFile(temporary, files: files), as: object))
        .stream(store.coders, bases: store.bases) { _ in try Task.checkCancellation() }
    } catch let damage as Damage {
      throw Failure(
        .damaged, "what was written of the object \(object) is not what was read: \(damage.reason)",
        hint: "nothing was changed; test this machine's memory and disk", object: object)
    } catch let loss as LostBase {
      throw loss.failure(of: object, in: store.root)
    }
    try files.synchronise(temporary)
    for base in bases {
      // It may have come a moment ago, and is relied on from now on.
      try files.synchronise(store.objectPath(base))
      try files.synchronise(parentFolder(of: store.objectPath(base)))
    }
    if !bases.isEmpty { try StoreFolder(root: store.root, files: files).makeRepacked() }
    guard let now = try files.status(path), now.isSameFile(as: old) else { return false }
    try files.rename(temporary, to: path)
    try files.synchronise(parentFolder(of: path))
    return true
  }
}

extension SafetensorsHeader {
  /// The type that takes most bytes.
  fileprivate var mostFrequentType: DType? {
    var sizes: [DType: Int] = [:]
    for tensor in tensors { sizes[tensor.dtype, default: 0] += tensor.size }
    return sizes.max { ($0.value, $1.key.rawValue) < ($1.value, $0.key.rawValue) }?.key
  }
}

extension Store {
  /// Whether an object has a file of its own.
  fileprivate func hasLoose(_ digest: Digest) throws -> Bool { try files.status(objectPath(digest)) != nil }
}
