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
      } catch {
        // What has been made anew until then is recorded.
        _ = try RepetitionReports.show(await rebuilding.linesSoFar(), most: most, json: json)
        throw error
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
      let (ended, isWhole) = try await bringUpToDate(observe)
      let targeted = try await engine.instances(of: targets)
      lines.settle(targeted)
      if !isWhole { return false }
      done.formUnion(ended)
      let all = Set(targeted)
      let pending = all.subtracting(done)
      if pending.isEmpty { return true }
      let generation = try await engine.independent(among: pending, targets: targets)
      let new = try await engine.repeated(
        targets: targets, options: options, isRecording: true, passing: all.subtracting(generation),
        observe: observe, ended: { [lines] in lines.note($0, .repeated($1)) }
      ) { [store = engine.store] in try RepetitionReport($0, in: store) }
      lines.settle(targeted)
      done.formUnion(generation)
      if new.contains(where: { if case .failed = $0.outcome { true } else { false } }) {
        return false
      }
    }
  }

  /// What came of targets, where it has not come to its end.
  func linesSoFar() async -> [Lines.Entry] {
    lines.settle(try? await engine.instances(of: targets))
    return lines.all
  }

  /// - Returns: those that had to run for that, and so are new or have failed; and whether nothing has failed.
  private func bringUpToDate(
    _ observe: @escaping @Sendable (RunEvent) -> Void
  ) async throws -> (ended: Set<String>, isWhole: Bool) {
    let ended = Mutex<Set<String>>([])
    let summary = try await engine.run(targets: targets, options: options) { [lines] event in
      let end: (name: String, line: RepetitionReports.Line)? =
        switch event {
        case .finished(let name, .ran, let seconds): (name, .ran(seconds: seconds))
        case .finished(let name, .failed(let error), _): (name, .repeated(.failed(error)))
        default: nil
        }
      if let end {
        ended.withLock { _ = $0.insert(end.name) }
        lines.note(end.name, end.line)
      }
      observe(event)
    }
    return (ended.withLock { $0 }, !summary.isFailure)
  }

  /// One for each target: the last that came of it, in the order in which something first did.
  final class Lines: Sendable {
    typealias Entry = (instance: String, line: RepetitionReports.Line)

    private let state = Mutex<(generations: [Entry], noted: [Entry])>(([], []))

    /// Notes what came of an instance, which need not be a target.
    func note(_ instance: String, _ line: RepetitionReports.Line) {
      state.withLock { $0.noted.append((instance, line)) }
    }

    /// Adds what was noted of targets, in their order.
    /// - Parameter targets: nil where they are not known: then all that was noted is added.
    func settle(_ targets: [String]?) {
      state.withLock { state in
        let noted = Dictionary(state.noted.map { ($0.instance, $0.line) }, uniquingKeysWith: { $1 })
        state.generations += (targets ?? state.noted.map(\.instance)).compactMap { name in
          noted[name].map { (name, $0) }
        }
        state.noted = []
      }
    }

    var all: [Entry] {
      var lines: [Entry] = []
      var places: [String: Int] = [:]
      for entry in state.withLock(\.generations) {
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
