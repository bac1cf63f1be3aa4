import Artefacts
import Remotes
import Runs

extension Remotes.Push {
  /// Adds a past run: what it has made, the records of how, the folder that holds it, and the name that leads there.
  /// - Parameters:
  ///   - name: what `brake runs` calls it.
  ///   - ifTaken: what becomes of the name that leads there where it stands for something else.
  mutating func add(
    run name: String, withLineage: Bool, ifTaken: Reference.IfTaken, in store: Store
  ) throws -> SharedRun {
    let run = try RunJournal(store: store).run(name)
    let results = try SharedRun.results(of: run, in: store)
    let makers = withLineage ? try results.map(\.artefact.digest).records(in: store, except: []) : []
    let shared = try SharedRun(run, results: results, records: makers.map(\.key), in: store)
    // 'brake share' sends this list, too.
    if withLineage { try LineageList(artefact: shared.artefact.digest, records: shared.records).checkSize() }
    artefacts += results.map(\.artefact) + [shared.artefact]
    let known = Set(records.map(\.key))
    records += makers.filter { !known.contains($0.key) }
    references.append(
      .init(try SharedRun.reference(to: run.identifier), to: shared.artefact.digest, ifTaken: ifTaken))
    return shared
  }

  /// Adds the list of the records of how an artefact and all that it was made from came to be, and the name that leads there. Of a source
  /// there is none. Where others have sent such a list before, the name leads to this one: no run believes either.
  mutating func add(lineageOf digest: Digest, in store: Store) throws {
    let makers = try [digest].records(in: store, except: [])
    if makers.isEmpty { return }
    let list = try add(listOf: makers, for: digest, in: store)
    references.append(.init(LineageList.reference(to: digest), to: list))
  }

  /// Adds the list of the records of how an artefact and all that it was made from came to be.
  /// - Returns: the digest of the list.
  mutating func add(listOf records: [Record], for digest: Digest, in store: Store) throws -> Digest {
    let list = LineageList(artefact: digest, records: records.map(\.key))
    try list.checkSize()
    let publication = store.publication()
    let added = try publication.add(bytes: list.bytes)
    try publication.commit()
    artefacts.append(added)
    return added.digest
  }
}
