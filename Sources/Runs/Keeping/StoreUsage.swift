public import Artefacts
import System

/// How much room what takes in a store.
public struct StoreUsage: Sendable {
  public enum Grouping: String, Sendable, CaseIterable {
    /// By why it is kept.
    case reason
    /// By the stage that made it.
    case stage
    /// By what an action is: the operation, or `command`.
    case kind
    /// By the pipeline whose last runs needed it.
    case pipeline
    /// By the run that needed it, of those of which the store still has lists.
    case run
  }

  public struct Row: Sendable {
    public let name: String
    public var objects = 0
    /// Bytes of the artefacts as they are written out, each object once.
    public var logical = 0
    /// Bytes of their files in the store.
    public var stored = 0
    /// Those of objects that are in no other row.
    public var alone = 0
    /// Those of objects that are in other rows as well, each of which counts them.
    public var shared: Int { stored - alone }
    /// Those of objects that another place has as well; nil if none was asked.
    public var elsewhere: Int?
  }

  /// The largest first.
  public let rows: [Row]
  /// Of all objects, each once.
  public let total: Row
  /// Bytes of files of the store that hold no objects, by folder.
  public let besides: [(folder: String, bytes: Int)]

  /// - Parameter elsewhere: which of some objects another place has.
  public init(
    of store: Store, by grouping: Grouping, _ rules: KeepingRules = KeepingRules(),
    elsewhere: ((_ objects: [Digest]) async throws -> Set<Digest>)? = nil
  ) async throws {
    let needs = try await StoreNeeds(of: store, rules, at: store.timeOfFiles())
    var stored: [Digest: Int] = [:]
    try store.forEachStored { object, bytes in stored[object] = max(stored[object] ?? 0, bytes) }
    var names = try StoreUsage.names(store, grouping, needs)
    for object in stored.keys where names[object] == nil {
      names[object] = [needs.reasons[object].map { $0.rawValue } ?? "not needed"]
    }
    let there = try await elsewhere?(stored.keys.sorted())
    var rows: [String: Row] = [:]
    var total = Row(name: "all")
    for (object, bytes) in stored.sorted(by: { $0.key < $1.key }) {
      try Task.checkCancellation()
      // What is damaged, or was removed a moment ago, is nothing any more.
      let logical: Int
      do { logical = try store.sizeOfObject(object) } catch let error as Failure where error.isLoss {
        continue
      }
      let isElsewhere = there.map { $0.contains(object) }
      let isAlone = names[object]!.count == 1
      total.add(bytes, logical, isAlone: isAlone, isElsewhere)
      for name in names[object]! {
        rows[name, default: Row(name: name)].add(bytes, logical, isAlone: isAlone, isElsewhere)
      }
    }
    self.rows = rows.values.sorted { ($1.stored, $0.name) < ($0.stored, $1.name) }
    self.total = total
    let writtenOut = try store.sizeOfFolder("index/restored")
    besides = try ["actions", "aside", "failed", "index", "index/restored", "quarantine", "tmp"].map {
      (
        $0,
        $0 == "index/restored" ? writtenOut : try store.sizeOfFolder($0) - ($0 == "index" ? writtenOut : 0)
      )
    }
  }

  /// In which rows objects are.
  private static func names(
    _ store: Store, _ grouping: Grouping, _ needs: StoreNeeds
  ) throws -> [Digest: Set<String>] {
    var names: [Digest: Set<String>] = [:]
    // What several runs needed is looked up once.
    var members: [Digest: [Digest]] = [:]
    func add(_ key: Digest, _ name: String) {
      guard let node = needs.graph.nodes[key] else { return }
      let found =
        members[key]
        ?? node.outputs.flatMap { (try? store.members(of: $0)).map(Array.init) ?? [] }
        + (node.log.map { [$0] } ?? [])
      members[key] = found
      for member in found { names[member, default: []].insert(name) }
    }
    switch grouping {
    case .reason: break
    case .stage:
      for (key, node) in needs.graph.nodes {
        add(key, String(node.stage.prefix { $0 != "[" && $0 != "@" }))
      }
    case .kind:
      for (key, node) in needs.graph.nodes { add(key, node.kind) }
    case .pipeline:
      for pipeline in try RunLists(of: store).pipelines() {
        var keys: Set<Digest> = []
        for list in pipeline.lists { keys.formUnion(try RunLists(of: store).keys(of: list)) }
        for key in keys { add(key, pipeline.title) }
      }
    case .run:
      let lists = RunLists(of: store)
      let titles = StoreUsage.titles(RunJournal(store: store).runs())
      for pipeline in try lists.pipelines() {
        for list in pipeline.lists {
          let when = SystemTime.utc(Int(list.modified / 1_000_000_000))
          let title =
            titles[list.name] ?? "\(pipeline.title), \(list.isOpen ? "not ended" : "ended"), \(when)"
          for key in try lists.keys(of: list) { add(key, title) }
        }
      }
    }
    return names
  }

  /// By the name of a list in `runs/` what the runs are called that have needed just this: by the newest of them.
  private static func titles(_ runs: [RunNote]) -> [String: String] {
    var titles: [String: (newest: String, others: Int)] = [:]
    for (run, name) in zip(runs, RunJournal.shortNames(of: runs)) {
      guard let list = run.list else { continue }
      titles[list] = (name, titles[list].map { $0.others + 1 } ?? 0)
    }
    return titles.mapValues { $0.others == 0 ? $0.newest : "\($0.newest) and \($0.others) like it" }
  }
}

extension RunLists.Pipeline {
  fileprivate var title: String { "\(pipeline) in \(folder)" }
}

extension StoreUsage.Row {
  fileprivate mutating func add(_ stored: Int, _ logical: Int, isAlone: Bool, _ isElsewhere: Bool?) {
    objects += 1
    self.stored += stored
    self.logical += logical
    if isAlone { alone += stored }
    if let isElsewhere { elsewhere = (elsewhere ?? 0) + (isElsewhere ? stored : 0) }
  }
}
