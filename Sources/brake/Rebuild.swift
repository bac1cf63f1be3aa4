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

        A target that was not up to date, such as one that reads what another one has made otherwise, runs once, and there is \
        nothing to compare it with: its line says so.

        Exit status: 0 if all that was compared has the same bytes, 1 if some has not, 2 after an error.
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
      let isWhole: Bool
      do {
        isWhole = try await Overseen.run { observe in try await rebuilding.run(observe) }
      } catch let code as ExitCode {
        // What has been made anew until then is recorded.
        _ = try RepetitionReports.show(rebuilding.lines.all, most: most, json: json)
        throw code
      }
      let status = try RepetitionReports.show(rebuilding.lines.all, most: most, json: json)
      if !isWhole { throw ExitCode(2) }
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
  /// What came of targets, also where it is interrupted.
  let lines = Lines()

  /// - Returns: whether all targets were come to: those that depend on what has failed were not.
  func run(_ observe: @escaping @Sendable (RunEvent) -> Void) async throws -> Bool {
    var done: Set<String> = []
    while true {
      let (ends, isWhole) = try await bringUpToDate(observe)
      let targeted = try await engine.instances(of: targets)
      lines.add(targeted.compactMap { name in ends[name].map { (name, $0) } })
      if !isWhole { return false }
      done.formUnion(ends.keys)
      let all = Set(targeted)
      let pending = all.subtracting(done)
      if pending.isEmpty { return true }
      let generation = try await engine.independent(among: pending, targets: targets)
      let new = try await engine.repeated(
        targets: targets, options: options, isRecording: true, passing: all.subtracting(generation),
        observe: observe, ended: { [lines] in lines.note($0, .repeated($1)) }
      ) { [store = engine.store] in try RepetitionReport($0, in: store) }
      lines.add(new.map { ($0.instance, .repeated($0.outcome)) })
      done.formUnion(generation)
      if new.contains(where: { if case .failed = $0.outcome { true } else { false } }) {
        return false
      }
    }
  }

  /// - Returns: what came of those that had to run for that, and so are new or have failed; and whether nothing has failed.
  private func bringUpToDate(
    _ observe: @escaping @Sendable (RunEvent) -> Void
  ) async throws -> (ends: [String: RepetitionReports.Line], isWhole: Bool) {
    let ends = Mutex<[String: RepetitionReports.Line]>([:])
    let summary = try await engine.run(targets: targets, options: options) { event in
      switch event {
      case .finished(let name, .ran, let seconds): ends.withLock { $0[name] = .ran(seconds: seconds) }
      case .finished(let name, .failed(let error), _): ends.withLock { $0[name] = .repeated(.failed(error)) }
      default: break
      }
      observe(event)
    }
    return (ends.withLock { $0 }, !summary.isFailure)
  }

  /// One for each target: the last that came of it, in the order in which something first did.
  final class Lines: Sendable {
    typealias Entry = (instance: String, line: RepetitionReports.Line)

    private let state = Mutex<(generations: [Entry], noted: [Entry])>(([], []))

    /// Adds what came of a generation, in its order.
    func add(_ entries: [Entry]) {
      state.withLock { state in
        state.generations += entries
        state.noted = []
      }
    }

    /// Notes what came of an instance, until its generation has ended.
    func note(_ instance: String, _ line: RepetitionReports.Line) {
      state.withLock { $0.noted.append((instance, line)) }
    }

    var all: [Entry] {
      var lines: [Entry] = []
      var places: [String: Int] = [:]
      for entry in state.withLock({ $0.generations + $0.noted }) {
        if let place = places[entry.instance] {
          lines[place] = entry
        } else {
          places[entry.instance] = lines.count
          lines.append(entry)
        }
      }
      return lines
    }
  }
}
