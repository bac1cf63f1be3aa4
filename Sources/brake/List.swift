import ArgumentParser
import Artefacts
import JSON
import Runs

extension Brake {
  struct List: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "ls",
      abstract: "List the artefacts in the store: kind, size, stored size, and where each comes from.")

    @OptionGroup var workspace: Workspace
    @Flag(help: "List only what 'brake gc' would take out of the store once it is old enough.") var unused =
      false
    @Flag(help: "Print an array of objects.") var json = false

    func run() async throws {
      try workspace.enter()
      let store = try workspace.open()
      var rules = KeepingRules()
      rules.grace = .zero
      let needs =
        unused ? try await StoreNeeds(of: store, rules, at: store.timeOfFiles()).contents.objects : []
      let origins = try Origins(of: store)
      var table = Table(.left, .left, .right, .right, .left)
      var objects: [JSON] = []
      var isDamaged = false
      for digest in try store.objects() where !needs.contains(digest) {
        let info: ObjectInfo
        do { info = try store.info(digest) } catch {
          Output.note("error: \(error)")
          isDamaged = true
          continue
        }
        let origin = origins[digest]
        table.add(
          digest.short, info.artefact.kind.rawValue, byteCount(info.logicalBytes),
          byteCount(info.storedBytes),
          origin.first.map { $0 + (origin.count > 1 ? " and \(origin.count - 1) more" : "") } ?? "")
        objects.append([
          "digest": .string(digest.description), "kind": .string(info.artefact.kind.rawValue),
          "logical_bytes": .integer(Int64(info.logicalBytes)),
          "stored_bytes": .integer(Int64(info.storedBytes)),
          "origins": .array(origin.map(JSON.string)),
        ])
      }
      if json { try Output.print(.array(objects)) } else if !table.isEmpty { try Output.print(table.text()) }
      if isDamaged { throw ExitCode(2) }
    }
  }
}
