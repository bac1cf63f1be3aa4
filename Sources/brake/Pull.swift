import Actions
import ArgumentParser
import Artefacts
import JSON
import Pipeline
import Remotes
import Runs
import System

extension Brake {
  struct Pull: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "pull",
      abstract: "Fetch artefacts from another place into the store.",
      discussion: """
        An artefact is named by its whole digest, as @NAME after a reference of that place, which one of that name here then \
        is (if it stands for something else, with --force alone), by a line that 'brake share' \
        printed, or as stage[key].output[member] of the pipeline here: then the result is fetched that is recorded there for \
        just the inputs and parameters that the stage has here, of a whole stage all of them, and counts as recorded here \
        from then on, so that 'brake run' finds it. With what is named otherwise comes how it was made, as far as who pushed or shared \
        it has said so; no run takes that for a result. What stages before it have made is fetched with --lineage alone; it counts as \
        removed to save room. So whoever may write to that place decides what your stages are said to have made, unless \
        --trust says whose records count. Every byte is checked; what is interrupted goes on with the objects that have not come \
        as a whole. \(Remote.help)
        """)

    @OptionGroup var pipeline: PipelineOptions
    @Option(help: ArgumentHelp("The other place, by name or address.", valueName: "remote")) var from: String?
    @Option(
      name: .customLong("run"),
      help: ArgumentHelp(
        "Fetch what the targets of a run have made that somebody has sent there with 'brake push --run', as a folder.",
        valueName: "run"))
    var runName: String?
    @OptionGroup var lineage: LineageOption
    @Flag(help: "Move references that stand for something else here.") var force = false
    @Flag(help: "Print an array of objects.") var json = false
    @Argument(
      help: ArgumentHelp(
        "Digests, references, lines, stages, and parameters as NAME=VALUE.",
        valueName: "artefact|name=value"),
      completion: Completion.artefacts)
    var arguments: [String] = []

    private var names: [String] { Targets.targets(in: arguments) }

    func validate() throws {
      if names.isEmpty && runName == nil { throw ValidationError("Missing expected argument '<artefact>'") }
    }

    private enum Wanted {
      case reference(String)
      case line(ShareLine)
      case stage(String)
    }

    private var extent: Borrowing.Extent {
      lineage.all ? .withLineage : lineage.records ? .withRecords : .alone
    }

    func run() async throws {
      try pipeline.workspace.enter()
      let store = try pipeline.workspace.open(creating: true)
      let wanted = try names.map { name -> Wanted in
        if name.hasPrefix("@") { return .reference(String(name.dropFirst())) }
        if name.hasPrefix("sha256:") || Digest(name) != nil { return .line(try ShareLine.ofWhole(name)) }
        return .stage(name)
      }
      var fetched: [Fetching.Fetched] = []
      if let runName { fetched.append(try await source(nil, store).run(runName, extent, force: force)) }
      // All stages at once: they have much in common.
      let stages = wanted.compactMap { if case .stage(let name) = $0 { name } else { nil } }
      if !stages.isEmpty {
        let path = try pipeline.path()
        let engine = try pipeline.engine(
          (try PipelineOptions.read(path), path), Targets.overrides(in: arguments))
        fetched += try await source(nil, store).stages(stages, of: engine, extent)
      }
      for each in wanted {
        switch each {
        case .stage: break
        case .reference(let name):
          fetched.append(try await source(nil, store).reference(name, extent, force: force))
        case .line(let line):
          fetched.append(try await source(line.from, store).fetch(line, extent))
        }
      }
      try print(fetched, in: store)
    }

    /// - Parameter told: where a line says that it is.
    private func source(_ told: RemoteAddress?, _ store: Store) throws -> Fetching {
      let names = RemoteNames(of: store)
      return Fetching(try from == nil ? told ?? names.resolve(nil) : names.resolve(from), into: store)
    }

    private func print(_ fetched: [Fetching.Fetched], in store: Store) throws {
      // Of what several actions have made the first that tells of it.
      let makers = fetched.map { each in
        each.records.first { $0.outputs.contains { $0.artefact.digest == each.artefact.digest } }
      }
      let origins = try RecordOrigins(of: makers.compactMap(\.self), in: store)
      if json {
        return try Output.print(
          .array(
            zip(fetched, makers).map { each, maker in
              let members: [String: JSON] = [
                "name": .string(each.name), "digest": .string(each.artefact.digest.description),
                "kind": .string(each.artefact.kind.rawValue),
                "logical_bytes": .integer(Int64(each.artefact.size)),
              ]
              return .object(
                members.merging(maker.map { origins.json(for: $0.key) } ?? [:]) { first, _ in first })
            }))
      }
      for (each, maker) in zip(fetched, makers) {
        let name = each.name == each.artefact.digest.description ? [] : [each.name]
        let words = maker.flatMap { origins.words(for: $0.key) }.map { [$0] } ?? []
        let cells =
          [
            each.artefact.digest.description, each.artefact.kind.rawValue, byteCount(each.artefact.size),
          ] + name + words
        try Output.print(cells.map { $0.visible() }.joined(separator: "  "))
      }
    }
  }
}
