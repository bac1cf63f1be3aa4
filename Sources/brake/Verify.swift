import ArgumentParser
import Artefacts
import JSON

extension Brake {
  struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Read artefacts and check every byte against their names.",
      discussion: """
        Without digests: everything in the store, records and references too. What is damaged is named and moved to \
        quarantine/, and the exit status is 2.
        """)

    @OptionGroup var workspace: Workspace
    @Flag(help: "Print one object: the number checked, and what is damaged.") var json = false
    @Argument(help: "Digests, or eight or more digits of each.") var digests: [String] = []

    func run() throws {
      try workspace.enter()
      let store = try workspace.open()
      let damaged = digests.isEmpty ? try all(of: store) : try given(of: store)
      if json {
        try Output.print([
          "checked": .integer(Int64(damaged.checked)),
          "damaged": .array(
            damaged.errors.map { ["name": .string($0.name), "error": .string("\($0.error)")] }),
        ])
      } else {
        let count = damaged.errors.count
        try Output.print("\(damaged.checked) checked, \(count == 0 ? "none" : String(count)) damaged")
      }
      if !damaged.errors.isEmpty { throw ExitCode(2) }
    }

    private func given(of store: Store) throws -> Tally {
      var tally = Tally(total: digests.count)
      for text in digests {
        let digest = try workspace.resolve(text, in: store)
        tally.check(digest.description) { try store.verify(digest) }
      }
      tally.end()
      return tally
    }

    private func all(of store: Store) throws -> Tally {
      let objects = try store.objects()
      var tally = Tally(total: objects.count)
      for digest in objects { tally.check(digest.description) { try store.verify(digest, deep: false) } }
      tally.end()
      var damagedRecords: [ArtefactError] = []
      tally.checked += try store.records { damagedRecords.append($0) }.count
      for error in damagedRecords { tally.check("a record") { throw error } }
      for name in try store.references() {
        tally.check("reference \(name)") {
          guard let digest = try store.reference(name), !store.contains(digest) else { return }
          throw ArtefactError(.notFound, "the reference '\(name)' names \(digest), which is not in the store")
        }
      }
      return tally
    }
  }
}

/// Counts what was checked, says what was wrong as it comes up, and shows on a terminal how far it is.
private struct Tally {
  var checked = 0
  private(set) var errors: [(name: String, error: any Error)] = []
  private let total: Int
  private let terminal = Terminal()
  private var drawn = ContinuousClock.now

  init(total: Int) { self.total = total }

  mutating func check(_ name: String, _ body: () throws -> Void) {
    do { try body() } catch {
      end()
      Output.note("error: \(error)")
      errors.append((name, error))
    }
    checked += 1
    let now = ContinuousClock.now
    guard terminal.isTerminal, now - drawn >= .milliseconds(100) else { return }
    drawn = now
    Output.noteRaw("\r\u{1B}[Kverifying \(checked)/\(total)")
  }

  func end() { if terminal.isTerminal { Output.noteRaw("\r\u{1B}[K") } }
}
