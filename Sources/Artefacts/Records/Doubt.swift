internal import JSON

extension Record.Doubt {
  /// For people, as what is said of a result.
  public var words: String {
    switch self {
    case .declined: "made without a sandbox, as its stage wants"
    case .unavailable: "made without a sandbox, since there was none"
    }
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
    var makers: [Digest: [Record]] = [:]
    for record in try records(damaged: { _ in }) {
      for output in record.outputs { makers[output.artefact.digest, default: []].append(record) }
    }
    var stages: Set<String> = []
    var seen = Set(artefacts)
    var open = artefacts
    while let next = open.popLast() {
      let all = try (makers[next] ?? []).filter(counts)
      let sure = all.filter { $0.doubt == nil }
      if sure.isEmpty { stages.formUnion(all.map(\.stage)) }
      for input in (sure.isEmpty ? all : sure).flatMap(\.inputs) where seen.insert(input).inserted {
        open.append(input)
      }
    }
    return stages.sorted()
  }
}

extension Record {
  /// What the manifest names as inputs: digests, or lists that end with one.
  fileprivate var inputs: [Digest] {
    (manifest["inputs"]?.object ?? [:]).values.flatMap { contents -> [Digest] in
      let texts = contents.string.map { [$0] } ?? contents.array?.compactMap { $0.array?.last?.string } ?? []
      return texts.compactMap { Digest($0) }
    }
  }
}
