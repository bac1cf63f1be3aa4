public import Artefacts
public import JSON
import Pipeline
public import System

/// Where an artefact comes from: the action that made it, what that action read, and so on back to the sources.
public struct Lineage: Sendable {
  /// The action that made an artefact.
  public struct Maker: Sendable {
    public let record: Record
    /// Which of its outputs the artefact is.
    public let output: String
    public let key: String?
    /// When and where, as far as it is known.
    public let making: Making?
    /// Whether only others say so, and no record of this store does.
    public let isTold: Bool
    /// In the manifest's order: inputs by name, members of a collection in theirs; then the container image, if that is an artefact.
    public let inputs: [Input]

    /// As `Record.Output` has it.
    fileprivate var label: String { output + (key.map { "[\($0)]" } ?? "") }

    fileprivate func isSame(as other: Maker?) -> Bool {
      record.key == other?.record.key && label == other?.label
    }
  }

  public struct Input: Sendable {
    public let name: String
    public let key: String?
    public let digest: Digest
    /// What the workspace file was called, if it came from there.
    public let source: String?
  }

  /// What the records of a store say, read once for the lineages of many artefacts.
  public struct Source {
    /// The keys of the records that are the store's own.
    fileprivate let own: Set<Digest>
    fileprivate let makers: [Digest: [Maker]]
    fileprivate let makings: Makings

    /// - Parameter unread: called for each record that cannot be read or believed, and is passed over.
    public init(of store: Store, unread: (Failure) -> Void = { _ in }) throws {
      let records = try store.records(damaged: unread)
      let own = Set(records.map(\.key))
      let told = try store.toldRecords().filter { !own.contains($0.key) }
      self.own = own
      makers = Lineage.makers(in: records + told)
      makings = Makings(store: store)
    }

    /// Whether anybody says how it was made.
    public func hasMaker(of digest: Digest) -> Bool { makers[digest] != nil }
  }

  public let digest: Digest
  /// The makers of the artefact and of everything it was made from, by digest of what they made; what has none is a
  /// source. Of several actions that make the same bytes the one with the shortest way back to sources is shown, so that
  /// a stage that only copies does not hide what it copied; among these the one that made most of what is needed, then
  /// the one with the smallest key. A file of the workspace that only a copy of it explains is a source.
  public let makers: [Digest: Maker]
  /// The action that was asked for by name, where what it made is among what it was made from, as with a stage that only
  /// copies, so that another one is told of in `makers`.
  public let asked: Maker?

  /// - Throws: if the records cannot be read. An artefact without a record is a source, not an error.
  public init(of digest: Digest, in store: Store) throws {
    self.init(of: digest, in: try Source(of: store))
  }

  /// Of an artefact that was named by the stage that makes it, the maker is that stage, whatever else made the same bytes.
  public init(of named: NamedArtefact, in store: Store) throws {
    self.init(of: named.digest, by: named.maker, in: try Source(of: store))
  }

  public init(of digest: Digest, in source: Source) { self.init(of: digest, by: nil, in: source) }

  private init(of digest: Digest, by named: NamedArtefact.Maker?, in source: Source) {
    self.digest = digest
    let candidates = Lineage.candidates(of: digest, in: source.makers)
    var makers: [Digest: Maker] = [:]
    var explained: Set<Digest> = Set(candidates.filter(\.value.isEmpty).keys)
    while true {
      let next = candidates.compactMap { digest, candidates -> (Digest, Maker)? in
        if explained.contains(digest) { return nil }
        let maker = candidates.first { $0.inputs.allSatisfy { explained.contains($0.digest) } }
        return maker.map { (digest, $0) }
      }
      if next.isEmpty {
        // What was read from the workspace, and made from itself alone, is a source: first that which a stage only copied.
        let inputs = candidates.values.joined().flatMap(\.inputs)
        let read = Set(inputs.filter { $0.source != nil }.map(\.digest)).subtracting(explained)
        if read.isEmpty { break }
        let copied = read.filter { read in
          candidates[read]?.contains { $0.inputs.contains { $0.digest == read } } == true
        }
        explained.formUnion(copied.isEmpty ? read : copied)
        continue
      }
      makers.merge(next) { first, _ in first }
      explained.formUnion(next.map(\.0))
    }
    var asked = named.flatMap { named in
      candidates[digest]?.first { $0.record.key == named.key && $0.label == named.label }
    }
    if let named = asked {
      let isOfItself = Lineage.reachable(from: named.inputs.map(\.digest), makers).contains(digest)
      if !isOfItself { makers[digest] = named }
      if !isOfItself || named.isSame(as: makers[digest]) { asked = nil }
    }
    let reachable = Lineage.reachable(from: [digest] + (asked?.inputs.map(\.digest) ?? []), makers)
    func told(_ maker: Maker) -> Maker {
      Maker(
        record: maker.record, output: maker.output, key: maker.key,
        making: source.makings.of(maker.record.key), isTold: !source.own.contains(maker.record.key),
        inputs: maker.inputs)
    }
    self.makers = makers.filter { reachable.contains($0.key) }.mapValues(told)
    self.asked = asked.map(told)
  }

  /// What made each artefact, by key.
  private static func makers(in records: [Record]) -> [Digest: [Maker]] {
    var all: [Digest: [Maker]] = [:]
    for record in records.sorted(by: { $0.key < $1.key }) {
      let inputs = inputs(of: record)
      for output in record.outputs {
        all[output.artefact.digest, default: []].append(
          Maker(
            record: record, output: output.name, key: output.key, making: nil, isTold: false, inputs: inputs))
      }
    }
    return all
  }

  /// Every action that made the artefact or anything that one of these could have been made from, by what it made; the
  /// one that made most of these first, then by key.
  private static func candidates(of digest: Digest, in all: [Digest: [Maker]]) -> [Digest: [Maker]] {
    var needed: [Digest: [Maker]] = [:]
    var open = [digest]
    while let next = open.popLast() {
      if needed[next] != nil { continue }
      needed[next] = all[next] ?? []
      open += needed[next]!.flatMap { $0.inputs.map(\.digest) }
    }
    let made = needed.values.joined().reduce(into: [Digest: Int]()) { $0[$1.record.key, default: 0] += 1 }
    return needed.mapValues {
      $0.sorted { (made[$1.record.key]!, $0.record.key) < (made[$0.record.key]!, $1.record.key) }
    }
  }

  private static func reachable(from digests: [Digest], _ makers: [Digest: Maker]) -> Set<Digest> {
    var reached: Set<Digest> = []
    var open = digests
    while let next = open.popLast() {
      if reached.insert(next).inserted { open += makers[next]?.inputs.map(\.digest) ?? [] }
    }
    return reached
  }

  package static func inputs(of record: Record) -> [Input] {
    let inputs = record.manifest["inputs"]?.object ?? [:]
    let isCommand = record.manifest["command"] != nil
    let read = inputs.sorted { $0.key < $1.key }.flatMap { name, contents -> [Input] in
      if let text = contents.string { return input(text, name, key: nil, record).map { [$0] } ?? [] }
      let members = contents.array ?? []
      return members.compactMap { member in
        guard let key = member.array?.first?.string, let text = member.array?.last?.string else { return nil }
        return input(text, name, key: isCommand && members.count == 1 ? nil : key, record)
      }
    }
    guard let image = record.image else { return read }
    return read + [Input(name: ShellCommand.imageInput, key: nil, digest: image, source: nil)]
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
      if let doubt = maker.record.doubt { members["sandbox"] = .string(doubt.rawValue) }
      if maker.record.isResumed {
        members["resumed"] = true
        members["times_resumed"] = .integer(Int64(maker.record.timesResumed))
      }
      if maker.isTold { members["told"] = true }
      members["made"] = maker.making?.json ?? .null
      return (digest.description, .object(members))
    }
    return [
      "digest": .string(digest.description), "made_by": .object(Dictionary(uniqueKeysWithValues: makers)),
    ]
  }
}
