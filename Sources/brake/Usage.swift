public import ArgumentParser
import Artefacts
import JSON
import Remotes
public import Runs

extension StoreUsage.Grouping: ExpressibleByArgument {}

extension Brake {
  struct Usage: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "du",
      abstract: "Say how much room what takes in the store.",
      discussion: """
        For each group: how many objects it has, how large they are when they are written out, how much room their files take, \
        how much of that nothing else in the list has a part in, so that it would be free without it, and how much others in the \
        list have a part in as well: each of them counts that, and the last line counts it once. With --remote, how much another \
        place has as well.

        With --by run, runs are called as by 'brake runs'; runs that needed just the same are one line, and those of which \
        'brake runs' knows nothing are named by their pipeline and when they ended.
        """)

    @OptionGroup var workspace: Workspace
    @OptionGroup var keeping: KeepingOptions
    @Option(
      help: ArgumentHelp(
        "What to add up: why it is kept (reason), stage, the kind of work that made it, pipeline, or run.",
        valueName: "group"))
    var by = StoreUsage.Grouping.reason
    @Option(help: ArgumentHelp("Another place, by name or address.", valueName: "remote")) var remote: String?
    @Flag(help: "Print one object.") var json = false

    func run() async throws {
      try workspace.enter()
      let store = try workspace.open()
      let place = try remote.map {
        RemoteStore(try RemoteNames(of: store).resolve($0).open(), scratch: store)
      }
      let (by, rules) = (by, keeping.rules)
      let usage = try await Interruption.asking(
        { _ in
          try await StoreUsage(
            of: store, by: by, rules, elsewhere: place.map { place in { try await place.present(among: $0) } }
          )
        }, interrupted: "nothing was changed")
      if json { return try Output.print(usage.json(by)) }
      try Output.print(usage.text(by))
    }
  }
}

extension StoreUsage {
  fileprivate func json(_ by: Grouping) -> JSON {
    [
      "by": .string(by.rawValue), "rows": .array(rows.map(\.json)), "all": total.json,
      "besides": .object(
        Dictionary(uniqueKeysWithValues: besides.map { ($0.folder, .integer(Int64($0.bytes))) })),
    ]
  }

  fileprivate func text(_ by: Grouping) -> String {
    let isElsewhere = total.elsewhere != nil
    var heading = [by.rawValue, "objects", "written out", "in the store", "alone", "shared"]
    if isElsewhere { heading.append("also there") }
    var table = Table(
      [.left] + [Table.Alignment](repeating: .right, count: heading.count - 1), heading: heading)
    for row in rows + [total] { table.add(row.cells) }
    let rest = besides.filter { $0.bytes > 0 }.map { "\($0.folder) \(byteCount($0.bytes))" }
    return table.text() + (rest.isEmpty ? "" : "\nbesides: " + rest.joined(separator: ", "))
  }
}

extension StoreUsage.Row {
  fileprivate var json: JSON {
    var members: [String: JSON] = [
      "name": .string(name), "objects": .integer(Int64(objects)), "logical_bytes": .integer(Int64(logical)),
      "stored_bytes": .integer(Int64(stored)), "alone_bytes": .integer(Int64(alone)),
      "shared_bytes": .integer(Int64(shared)),
    ]
    if let elsewhere { members["elsewhere_bytes"] = .integer(Int64(elsewhere)) }
    return .object(members)
  }

  fileprivate var cells: [String] {
    [name, "\(objects)", byteCount(logical), byteCount(stored), byteCount(alone), byteCount(shared)]
      + (elsewhere.map { [byteCount($0)] } ?? [])
  }
}
