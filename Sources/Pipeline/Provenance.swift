public import Artefacts
public import JSON

/// Where an artefact comes from: the action that made it, what that action read, and so on back to the sources.
public struct Provenance: Sendable {
  /// The action that made an artefact.
  public struct Maker: Sendable {
    public let record: Record
    /// Which of its outputs the artefact is.
    public let output: String
    public let key: String?
    /// In the manifest's order: inputs by name, members of a collection in theirs.
    public let inputs: [Input]
  }

  public struct Input: Sendable {
    public let name: String
    public let key: String?
    public let digest: Digest
    /// What the workspace file was called, if it came from there.
    public let source: String?
  }

  public let digest: Digest
  /// The makers of the artefact and of everything it was made from, by digest of what they made; what has none is a
  /// source. Several actions may make the same bytes: of these the one with the smallest key is shown.
  public let makers: [Digest: Maker]

  /// - Throws: if the records cannot be read. An artefact without a record is a source, not an error.
  public init(of digest: Digest, in store: Store) throws {
    var records: [Digest: (record: Record, output: Record.Output)] = [:]
    for record in try store.records(damaged: { _ in }) {
      for output in record.outputs {
        let known = records[output.artefact.digest]
        if known == nil || record.key < known!.record.key {
          records[output.artefact.digest] = (record, output)
        }
      }
    }
    var makers: [Digest: Maker] = [:]
    var open = [digest]
    while let next = open.popLast() {
      guard makers[next] == nil, let (record, output) = records[next] else { continue }
      let inputs = Provenance.inputs(of: record)
      makers[next] = Maker(record: record, output: output.name, key: output.key, inputs: inputs)
      open += inputs.map(\.digest)
    }
    self.digest = digest
    self.makers = makers
  }

  private static func inputs(of record: Record) -> [Input] {
    let inputs = record.manifest["inputs"]?.object ?? [:]
    let isCommand = record.manifest["command"] != nil
    return inputs.sorted { $0.key < $1.key }.flatMap { name, contents -> [Input] in
      if let text = contents.string { return input(text, name, key: nil, record).map { [$0] } ?? [] }
      let members = contents.array ?? []
      return members.compactMap { member in
        guard let key = member.array?.first?.string, let text = member.array?.last?.string else { return nil }
        return input(text, name, key: isCommand && members.count == 1 ? nil : key, record)
      }
    }
  }

  private static func input(_ text: String, _ name: String, key: String?, _ record: Record) -> Input? {
    Digest(text).map { Input(name: name, key: key, digest: $0, source: record.sources[text]) }
  }

  /// All of it as one value: the digest asked for, and an object of makers by digest.
  public var json: JSON {
    let makers = makers.map { digest, maker -> (String, JSON) in
      let inputs = maker.inputs.map { input -> JSON in
        var members: [String: JSON] = [
          "name": .string(input.name), "digest": .string(input.digest.description),
        ]
        if let key = input.key { members["key"] = .string(key) }
        if let source = input.source { members["source"] = .string(source) }
        return .object(members)
      }
      var members: [String: JSON] = [
        "stage": .string(maker.record.stage), "output": .string(maker.output),
        "action": .string(maker.record.key.description), "manifest": maker.record.manifest,
        "inputs": .array(inputs),
      ]
      if let key = maker.key { members["key"] = .string(key) }
      return (digest.description, .object(members))
    }
    return [
      "digest": .string(digest.description), "made_by": .object(Dictionary(uniqueKeysWithValues: makers)),
    ]
  }
}
