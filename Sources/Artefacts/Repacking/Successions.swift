internal import JSON
internal import System

/// Two objects of which the later is likely to be much like the earlier: what a training had made when it was a little further
/// on.
public struct Succession: Hashable, Sendable {
  public let earlier: Digest
  public let later: Digest
  /// What may hold the moments of the optimiser that made the later one: larger outputs of the same action, or larger files beside it
  /// in a folder. If there are any, it is to be predicted from one of them or to stay as it is.
  public var states: [Digest] = []
}

/// Finds successions by records: members of one keyed output whose keys are numbers, in the order of these, and what the
/// links of a chain made, one after the other.
struct Successions {
  private var found: [(earlier: Artefact, later: Artefact, states: [Artefact])] = []

  init(in records: [Record]) {
    let records = records.map { (StageOrder($0), $0) }.sorted { $0.0 < $1.0 }.map(\.1)
    for record in records { addMembers(of: record) }
    addLinks(records)
  }

  /// Pairs of objects, each object once as the later one, and in an order in which the earlier stands before its later
  /// ones. Of two folders, the files with the same path. What may be predicted from an optimiser's moments stands behind all that
  /// may hold such, and once more, as a plain succession, at the end: so as much as can be is predicted.
  /// - Parameter store: where the trees are.
  func pairs(in store: Store) throws -> [Succession] {
    var pairs: [Succession] = []
    var laters: Set<Digest> = []
    func add(_ earlier: Artefact, _ later: Artefact, _ states: [Artefact] = [], depth: Int) throws {
      if earlier.digest == later.digest || earlier.kind != later.kind || depth > Tree.depthLimit { return }
      if later.kind == .blob {
        guard later.size > Succession.sizeLimit, earlier.size > Succession.sizeLimit,
          laters.insert(later.digest).inserted
        else { return }
        let states = states.filter { $0.kind == .blob && $0.size > later.size }.map(\.digest)
        return pairs.append(
          Succession(
            earlier: earlier.digest, later: later.digest,
            states: Array(states.prefix(Succession.statesLimit))))
      }
      guard let before = try store.treeIfSound(earlier.digest),
        let after = try store.treeIfSound(later.digest)
      else { return }
      let entries = Dictionary(before.entries.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
      for entry in after.entries {
        guard let like = entries[entry.name] else { continue }
        let others = after.entries.filter { $0.name != entry.name }.map(\.artefact)
        try add(like.artefact, entry.artefact, others, depth: depth + 1)
      }
    }
    for (earlier, later, states) in found { try add(earlier, later, states, depth: 0) }
    let updated = pairs.filter { !$0.states.isEmpty }
    return pairs.filter { $0.states.isEmpty } + updated
      + updated.map { Succession(earlier: $0.earlier, later: $0.later) }
  }

  private mutating func addMembers(of record: Record) {
    var members: [String: [(key: Double, artefact: Artefact, output: Record.Output)]] = [:]
    for output in record.outputs {
      guard let key = output.key.flatMap(Double.init), key.isFinite else { continue }
      members[output.name, default: []].append((key, output.artefact, output))
    }
    for (_, members) in members.sorted(by: { $0.key < $1.key }) {
      let sorted = members.sorted { ($0.key, $0.artefact.digest) < ($1.key, $1.artefact.digest) }
      found += zip(sorted, sorted.dropFirst()).map { earlier, later in
        (earlier.artefact, later.artefact, record.states(beside: later.output))
      }
    }
  }

  /// A link has among its inputs what the one before it made.
  private mutating func addLinks(_ records: [Record]) {
    var makers: [Digest: [Record]] = [:]
    for record in records where record.chain != nil {
      for output in record.outputs { makers[output.artefact.digest, default: []].append(record) }
    }
    for record in records {
      guard let chain = record.chain else { continue }
      var strings: Set<Digest> = []
      record.manifest["inputs"]?.forEachString { text in
        if let digest = Digest(text) { strings.insert(digest) }
      }
      for before in strings.sorted().flatMap({ makers[$0] ?? [] })
      where before.chain == chain && before.key != record.key {
        for output in record.outputs {
          guard let like = before.outputs.first(where: { $0.name == output.name }) else { continue }
          found.append((like.artefact, output.artefact, record.states(beside: output)))
        }
      }
    }
  }
}

/// Where a record stands among those of all stages: by what its stage is called, and where that has numbers, by these. So link 200 of
/// a chain stands before link 1000, and what is a difference from an earlier one comes after it.
private struct StageOrder: Comparable {
  private enum Part: Comparable {
    case number(Double)
    case text(String)
  }

  private let parts: [Part]
  private let stage: String
  private let key: Digest

  init(_ record: Record) {
    stage = record.stage
    key = record.key
    parts = record.stage.split(whereSeparator: { "[],@".contains($0) }).map { word in
      Double(word).flatMap { $0.isFinite ? .number($0) : nil } ?? .text(String(word))
    }
  }

  static func < (one: StageOrder, other: StageOrder) -> Bool {
    if one.parts != other.parts { return one.parts.lexicographicallyPrecedes(other.parts) }
    return (one.stage, one.key) < (other.stage, other.key)
  }

  static func == (one: StageOrder, other: StageOrder) -> Bool {
    (one.stage, one.key) == (other.stage, other.key)
  }
}

extension Succession {
  /// Bytes: what is smaller may stand in a segment, and would gain little.
  static let sizeLimit = SegmentFormat.objectLimit
  /// Objects that are looked at for moments.
  fileprivate static let statesLimit = 4
}

extension Record {
  /// What its stage is called without the link that it stands for; nil if it is no link of a chain.
  fileprivate var chain: Substring? {
    stage.lastIndex(of: "@").map { stage[..<$0] }
  }

  /// Other outputs with the same key.
  fileprivate func states(beside output: Output) -> [Artefact] {
    outputs.filter { $0.key == output.key && $0.name != output.name }.map(\.artefact)
  }
}

extension Tree.Entry {
  fileprivate var artefact: Artefact {
    Artefact(digest: digest, kind: mode == .tree ? .tree : .blob, size: size)
  }
}

extension Store {
  /// Nil for one that is not there, or damaged, or none: what is wrong is not what is looked for.
  fileprivate func treeIfSound(_ digest: Digest) throws -> Tree? {
    do { return try tree(digest) } catch let error as Failure where error.isLoss || error.code == .refused {
      return nil
    }
  }
}

extension JSON {
  fileprivate func forEachString(_ body: (String) -> Void) {
    switch self {
    case .string(let text): body(text)
    case .array(let members): for member in members { member.forEachString(body) }
    case .object(let members): for member in members.values { member.forEachString(body) }
    default: break
    }
  }
}
