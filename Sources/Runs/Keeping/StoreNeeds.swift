public import Artefacts
import System

/// What is kept of a store.
public struct KeepingRules: Sendable {
  /// How many different runs of each pipeline count.
  public var runs = 10
  /// No more runs of a pipeline are known.
  public static let mostRuns = 100
  /// How long everything stays that is new, and everything that was set aside.
  public var grace: Duration = .seconds(86_400)

  public init() {}

  /// In nanoseconds, as times of files are.
  var graceOfFiles: Int64 { Int64(min(max(grace / .nanoseconds(1), 0), 1e18)) }
}

/// What of a store is needed, and why.
///
/// These are needed with all that they stand for:
/// - references, pins, and what was shared;
/// - what is published in a workspace;
/// - what the last runs of each pipeline have made, and what they read that no action made;
/// - what a process relies on at this moment, and what a stage that has not ended can go on from;
/// - what objects in the store are differences from.
///
/// Of everything that is needed the records are, too, of how it was made, back to the sources; what these name besides is
/// not.
public struct StoreNeeds: Sendable {
  /// Why an artefact is needed; the first that fits.
  public enum Reason: String, Sendable, CaseIterable {
    case reference = "references"
    case pin = "pins"
    case shared = "shared"
    case published = "published"
    case reliance = "in use"
    case run = "last runs"
    case base = "bases"
  }

  public private(set) var contents = NeededContents()
  /// Why an object is needed.
  public private(set) var reasons: [Digest: Reason] = [:]
  /// Records of which only the recipe is needed.
  private(set) var recipes: Set<Digest> = []
  /// What is needed whatever it costs to make it again.
  private(set) var precious: Set<Digest> = []
  /// What the needed actions read that cannot be made again, with all that it stands for.
  private(set) var sources: Set<Digest> = []
  /// What the needed actions read that cannot be made again, what the last ones have made, and what was printed.
  private(set) var ofRuns: [Artefact] = []
  /// Objects that are stored as differences, and their bases, without which they could not be read.
  private(set) var differences: (there: [Digest: [Digest]], aside: [Digest: [Digest]]) = ([:], [:])
  let graph: RecordGraph

  /// - Throws: if anything cannot be read that says what is needed.
  public init(of store: Store, _ rules: KeepingRules, at now: Int64) async throws {
    graph = try RecordGraph(of: store)
    var roots: [(artefact: Artefact, reason: Reason)] = []
    for name in try store.references() {
      if let digest = try store.reference(name) { roots += try StoreNeeds.root(digest, .reference, store) }
    }
    for digest in try store.pins() { roots += try StoreNeeds.root(digest, .pin, store) }
    for digest in try store.shared().sorted() { roots += try StoreNeeds.root(digest, .shared, store) }
    for digest in try PublishedFiles.digests(of: store).sorted() {
      roots += try StoreNeeds.root(digest, .published, store)
    }
    // What stages that have not ended go on from.
    for digest in try store.reliedOn().sorted() + SavedList.digests(in: store) {
      roots += try StoreNeeds.root(digest, .reliance, store)
    }

    let (kept, running) = try StoreNeeds.keys(store, rules, graph, now)
    for key in running.union(kept).sorted() {
      guard let node = graph.nodes[key] else { continue }
      let reason: Reason = running.contains(key) ? .reliance : .run
      roots += (node.outputs + (node.log.map { [Artefact(digest: $0, kind: .blob, size: 0)] } ?? []))
        .map { ($0, reason) }
    }
    recipes = graph.makers(of: roots.map(\.artefact.digest)).subtracting(kept).subtracting(running)
    // A record may be on its way, or aside.
    contents.records = kept.union(running).union(recipes)
    // What they read and nobody made but of itself cannot be made again; what they printed is small.
    var inputs: [Artefact] = []
    for key in contents.records.sorted() {
      guard let node = graph.nodes[key] else { continue }
      for input in node.inputs where graph.ways[input] == nil {
        inputs += try StoreNeeds.root(input, .run, store).map(\.artefact)
      }
      if let log = node.log { roots.append((Artefact(digest: log, kind: .blob, size: 0), .run)) }
    }
    roots += inputs.map { ($0, .run) }
    ofRuns = roots.filter { $0.reason == .run }.map(\.artefact)
    try await reach(roots, store)
    sources = try await StoreNeeds.objects(of: inputs, in: store)
  }

  /// What some artefacts stand for, but for those that somebody wanted to be removed.
  static func objects(of artefacts: [Artefact], in store: Store) async throws -> Set<Digest> {
    let removed = try store.removedObjects()
    var objects: Set<Digest> = []
    try await store.forEachReachable(from: artefacts.filter { !removed.contains($0.digest) }) {
      objects.formUnion($0.objects)
    }
    return objects
  }

  private mutating func reach(_ roots: [(artefact: Artefact, reason: Reason)], _ store: Store) async throws {
    let removed = try store.removedObjects()
    var byReason: [Reason: [Artefact]] = [:]
    for root in roots { byReason[root.reason, default: []].append(root.artefact) }
    for reason in Reason.allCases {
      var objects: [Digest] = []
      try await store.forEachReachable(from: byReason[reason] ?? []) { part in
        if let tree = part.trees.intersection(part.lost).subtracting(removed).min() {
          throw Failure(
            .refused, "nothing was collected: the folder \(tree) is needed, and what is in it is not known",
            hint: "'brake verify --repair' or 'brake run' brings it back")
        }
        objects += part.objects
      }
      for object in objects where reasons[object] == nil { reasons[object] = reason }
      if reason != .run { precious.formUnion(objects) }
    }
    try addBases(store)
    contents.objects = Set(reasons.keys)
  }

  /// Also of what is not needed, as long as it is there or may come back.
  private mutating func addBases(_ store: Store) throws {
    differences = try store.differences()
    for base in bases(but: []) where reasons[base] == nil { reasons[base] = .base }
  }

  /// Objects from which others are differences.
  /// - Parameter removed: what does not come back if it is aside.
  func bases(but removed: Set<Digest>) -> Set<Digest> {
    Set(differences.there.values.joined()).union(
      differences.aside.lazy.filter { !removed.contains($0.key) }.flatMap(\.value))
  }

  /// All of it, but for what somebody wanted to be removed and nobody but a run needs.
  func wanted(but removed: Set<Digest>) -> NeededContents {
    var wanted = contents
    wanted.objects.subtract(removed.subtracting(precious).subtracting(bases(but: removed)))
    return wanted
  }

  /// Nothing for what is not there.
  private static func root(
    _ digest: Digest, _ reason: Reason, _ store: Store
  ) throws -> [(artefact: Artefact, reason: Reason)] {
    guard try store.contains(digest) || Aside(of: store).has(.object, digest) else { return [] }
    do { return [(try store.artefact(digest), reason)] } catch let error as Failure
      where error.code == .notFound
    {
      return []
    }
  }

  /// The actions that the last runs needed, and those that runs need now, or have made a moment ago.
  private static func keys(
    _ store: Store, _ rules: KeepingRules, _ graph: RecordGraph, _ now: Int64
  ) throws -> (kept: Set<Digest>, running: Set<Digest>) {
    let limit = now - rules.graceOfFiles
    let lists = RunLists(of: store)
    let pipelines = try lists.pipelines()
    // Whoever has never made a list cannot have said what is needed.
    if pipelines.isEmpty { return (Set(graph.nodes.keys), []) }
    var (kept, running): (Set<Digest>, Set<Digest>) = ([], [])
    for pipeline in pipelines {
      var ended = 0
      for list in pipeline.lists {
        let keys = try lists.keys(of: list)
        if try list.isOpen && !lists.isLeft(list, at: now, rules) { running.formUnion(keys) }
        if ended == rules.runs { continue }
        kept.formUnion(keys)
        // One that failed takes no place of those that did not.
        if keys.allSatisfy({ graph.nodes[$0] != nil }) { ended += 1 }
      }
    }
    for key in graph.nodes.keys where try store.timeOfRecord(key).map({ $0 >= limit }) == true {
      kept.insert(key)
    }
    return (kept, running)
  }
}
