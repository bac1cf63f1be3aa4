import Actions
import ArgumentParser
import Artefacts
import JSON
import Runs
import System

extension Brake {
  struct Show: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "show",
      abstract: "Show kind, sizes, codecs and makers of an artefact.", discussion: ArtefactArguments.help)

    @OptionGroup var pipeline: PipelineOptions
    @Flag(help: "Print one object.") var json = false
    @OptionGroup var given: ArtefactArguments

    func validate() throws { _ = try given.one() }

    func run() async throws {
      try pipeline.workspace.enter()
      let store = try pipeline.workspace.open()
      let digest = try await given.resolver(pipeline, in: store, needsBytes: false).one(given.one()).digest
      let records = try store.records { Output.note("warning: \($0)") }
      let origins = try Origins(of: store, records: records)[digest]
      let makers = try makers(of: digest, records, in: store)
      let standings = try RecordOrigins(of: makers, in: store)
      let recorded = makers.first?.outputs.first { $0.artefact.digest == digest }?.artefact
      let info: ObjectInfo?
      do { info = try store.info(digest) } catch let error as Failure {
        // What is recorded of it can be shown all the same.
        if recorded == nil || error.code != .notFound { throw error }
        info = nil
      }
      let artefact = try info?.artefact ?? recorded ?? store.artefact(digest)
      let codecs = (info?.codecs ?? [:]).sorted { $0.key < $1.key }
      if json {
        return try Output.print([
          "digest": .string(digest.description), "kind": .string(artefact.kind.rawValue),
          "logical_bytes": .integer(Int64(artefact.size)),
          "stored_bytes": info.map { .integer(Int64($0.storedBytes)) } ?? .null,
          "codecs": .object((info?.codecs ?? [:]).mapValues { .integer(Int64($0)) }),
          "origins": .array(origins.map(JSON.string)),
          "records": .array(
            makers.map { record in
              .object(
                [
                  "stage": .string(record.stage), "action": .string(record.key.description),
                  "made": Making.of(record.key, in: store)?.json ?? .null,
                ]
                .merging(standings.json(for: record.key)) { first, _ in first })
            }),
        ])
      }
      var table = Table(.left, .left)
      table.add("digest", digest.description)
      table.add("kind", artefact.kind.rawValue)
      if let info {
        let ratio = Double(info.logicalBytes) / Double(max(1, info.storedBytes))
        table.add("bytes", "\(info.logicalBytes), stored as \(info.storedBytes) (\(fixed(ratio, 2)) to 1)")
        table.add("chunks", codecs.map { "\($0.value) \($0.key)" }.joined(separator: ", "))
      } else {
        let place = try makers.first.flatMap {
          try store.toldRecord($0.key) == $0 ? store.originOfTold($0.key) : nil
        }
        table.add(
          "bytes",
          "\(artefact.size), " + (place.map { "in \($0), and not here" } ?? "not here: removed or lost"))
        for stage in makers.prefix(1).map(\.stage) {
          table.add(
            "",
            "brake run '\(stage)', with the parameters that it had, makes it again; or brake pull fetches it")
        }
      }
      for origin in origins { table.add("origin", origin) }
      for record in makers {
        table.add("record", "\(record.stage): \(standings.words(for: record.key) ?? "computed here by you")")
        if let making = Making.of(record.key, in: store) {
          table.add("", "took \(making.taken) on \(making.host)")
        }
        if record.isResumed {
          let times = record.timesResumed == 1 ? "once" : "\(record.timesResumed) times"
          table.add("", "went on \(times) from what an attempt had saved that did not end")
        }
      }
      if info?.artefact.kind == .tree {
        for entry in try store.tree(digest).entries {
          table.add(
            "entry", "\(entry.name)  \(entry.mode.rawValue), \(byteCount(entry.size)), \(entry.digest.short)")
        }
      }
      try Output.print(table.text())
    }

    /// The records of actions that made it: those of the store, and where it has none what others say.
    private func makers(of digest: Digest, _ records: [Record], in store: Store) throws -> [Record] {
      func making(_ records: [Record]) -> [Record] {
        records.filter { $0.outputs.contains { $0.artefact.digest == digest } }
      }
      let own = making(records)
      return own.isEmpty ? making(try store.toldRecords()) : own
    }
  }
}
