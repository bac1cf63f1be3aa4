internal import JSON

/// What is to be known of how the stages behind artefacts ran: of those that made them, or what these were made from, and so on back to
/// the sources; each list sorted.
public struct StageMarks: Sendable, Hashable {
  /// Those that ran without a sandbox.
  public let unsandboxed: [String]
  /// Those that went on from what an earlier attempt had saved.
  public let resumed: [String]

  public init(unsandboxed: [String] = [], resumed: [String] = []) {
    self.unsandboxed = unsandboxed
    self.resumed = resumed
  }

  /// Where several actions made the same bytes, one of which nothing is to be known is believed.
  ///
  /// - Parameter counts: whether a record counts at all.
  public init(
    of store: Store, behind artefacts: [Digest], where counts: (Record) throws -> Bool = { _ in true }
  ) throws {
    var makers: [Digest: [Record]] = [:]
    for record in try store.records(damaged: { _ in }) {
      for output in record.outputs { makers[output.artefact.digest, default: []].append(record) }
    }
    unsandboxed = try StageMarks.stages(behind: artefacts, makers, counts) { $0.doubt != nil }
    resumed = try StageMarks.stages(behind: artefacts, makers, counts) { $0.isResumed }
  }

  private static func stages(
    behind artefacts: [Digest], _ makers: [Digest: [Record]], _ counts: (Record) throws -> Bool,
    that isMarked: (Record) -> Bool
  ) throws -> [String] {
    var stages: Set<String> = []
    var seen = Set(artefacts)
    var open = artefacts
    while let next = open.popLast() {
      let all = try (makers[next] ?? []).filter(counts)
      let sure = all.filter { !isMarked($0) }
      if sure.isEmpty { stages.formUnion(all.map(\.stage)) }
      for input in (sure.isEmpty ? all : sure).flatMap(\.inputs) where seen.insert(input).inserted {
        open.append(input)
      }
    }
    return stages.sorted()
  }
}

extension Store {
  /// The stages that ran without a sandbox among those that made artefacts, or what these were made from, and so on back to the
  /// sources; sorted. Where several actions made the same bytes, one that ran in a sandbox is believed.
  ///
  /// - Parameter counts: whether a record counts at all.
  public func stagesInDoubt(
    behind artefacts: [Digest], where counts: (Record) throws -> Bool = { _ in true }
  ) throws -> [String] {
    try StageMarks(of: self, behind: artefacts, where: counts).unsandboxed
  }
}

extension Record {
  /// What the manifest names as inputs: digests, or lists that end with one; and the container image in which it ran.
  fileprivate var inputs: [Digest] {
    (image.map { [$0] } ?? [])
      + (manifest["inputs"]?.object ?? [:]).values.flatMap { contents -> [Digest] in
        let texts =
          contents.string.map { [$0] } ?? contents.array?.compactMap { $0.array?.last?.string } ?? []
        return texts.compactMap { Digest($0) }
      }
  }
}
