import Actions
import ArgumentParser
import Artefacts
import Differences
import JSON
import Pipeline
import Runners
import Runs
import Synchronization

extension Brake {
  struct Rebuild: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "rebuild",
      abstract: "Run stages again although they are recorded, and say whether they made the same.",
      discussion: """
        Only the targets run again; what they need is brought up to date if it is not. If the bytes are the same as were \
        recorded, nothing changes. If they are not, what differs is shown as by 'brake diff', and what was made now takes \
        the place of what was recorded; the earlier objects stay in the store. 'brake run --check-determinism' compares \
        without recording anything.

        Exit status: 0 if all made the same bytes, 1 if some did not, 2 after an error.
        """)

    @OptionGroup var pipeline: PipelineOptions

    @OptionGroup var jobs: JobsOption

    @Option(help: ArgumentHelp("Show so many of each list of differences.", valueName: "n")) var most = 20
    @Flag(help: "Print an array of objects, with all that differs.") var json = false
    @OptionGroup var given: Targets

    func validate() throws {
      if given.targets.isEmpty { throw ValidationError("Missing expected argument '<target>'") }
      if most < 1 { throw ValidationError("--most takes a number of at least 1, not \(most)") }
    }

    func run() async throws {
      let places = jobs.places()
      let engine = try pipeline.engine(pipeline.text(), given.overrides, jobServer: places.server)
      var options = RunOptions()
      options.jobs = places.jobs
      options.asksVersions = true
      let rebuilding = Rebuilding(engine: engine, targets: given.targets, options: options)
      let outcomes = try await Overseen.run { observe in try await rebuilding.run(observe) }
      let status = try RepetitionReports.show(outcomes, most: most, json: json)
      if status != 0 { throw ExitCode(status) }
    }
  }
}

/// Targets that are made again, one generation after the other: what depends on a target that has made something else has
/// other inputs, and is executed with these anyway.
private struct Rebuilding {
  let engine: Engine
  let targets: [String]
  let options: RunOptions

  func run(
    _ observe: @escaping @Sendable (RunEvent) -> Void
  ) async throws -> [(instance: String, outcome: RepetitionOutcome<RepetitionReport>)] {
    var done: Set<String> = []
    var outcomes: [(instance: String, outcome: RepetitionOutcome<RepetitionReport>)] = []
    while true {
      done.formUnion(try await bringUpToDate(observe))
      let all = Set(try await engine.instances(of: targets))
      let pending = all.subtracting(done)
      if pending.isEmpty { return outcomes }
      let generation = try await engine.independent(among: pending, targets: targets)
      let new = try await engine.repeated(
        targets: targets, options: options, isRecording: true, passing: all.subtracting(generation),
        observe: observe
      ) { [store = engine.store] in try RepetitionReport($0, in: store) }
      outcomes += new
      done.formUnion(generation)
      if new.contains(where: { if case .failed = $0.outcome { true } else { false } }) { return outcomes }
    }
  }

  /// - Returns: what had to run for that, and so is new.
  private func bringUpToDate(_ observe: @escaping @Sendable (RunEvent) -> Void) async throws -> [String] {
    let ran = Names()
    let summary = try await engine.run(targets: targets, options: options) { event in
      if case .finished(let name, .ran, _) = event { ran.add(name) }
      observe(event)
    }
    if summary.isFailure { throw ExitCode(2) }
    return ran.all
  }

  private final class Names: Sendable {
    private let names = Mutex<[String]>([])
    func add(_ name: String) { names.withLock { $0.append(name) } }
    var all: [String] { names.withLock { $0 } }
  }
}
