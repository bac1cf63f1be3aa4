import Actions
import ArgumentParser
import Artefacts
import JSON
import Pipeline
import Runs
import Synchronization
import System

/// `brake run --watch`: runs, waits until a file that the run depends on changes, and runs again.
final class WatchedRun: Sendable {
  private let path: String
  private let store: Store
  private let targets: [String]
  private let overrides: [(name: String, value: String)]
  private let options: RunOptions
  private let jobServer: JobServer?
  private let recorders: RunRecorders
  private let isJSON: Bool
  private let trust: Trust
  private let isWaiting = Atomic(false)

  init(
    path: String, store: Store, targets: [String], overrides: [(name: String, value: String)],
    options: RunOptions, jobServer: JobServer?, recorders: RunRecorders, json: Bool,
    trust: Trust
  ) {
    self.path = path
    self.store = store
    self.targets = targets
    self.overrides = overrides
    self.options = options
    self.jobServer = jobServer
    self.recorders = recorders
    isJSON = json
    self.trust = trust
  }

  /// Returns when it is interrupted while it waits.
  /// - Throws: if it is interrupted while something runs.
  func run() async throws {
    do {
      try await Interruption.cancelling { try await self.rounds() }
    } catch let interruption as Interruption {
      if isWaiting.load(ordering: .sequentiallyConsistent) { return }
      Output.note("\(interruption); what was finished is kept")
      throw ExitCode(128 + interruption.signal)
    }
  }

  private func rounds() async throws {
    var watch = SourceWatch()
    var sources: [String] = []
    var changes: [String] = []
    while true {
      // What changes from here on is seen by this round or makes another one.
      watch.start([path] + sources)
      do {
        let file = try PipelineFile(text: PipelineOptions.read(path), path: path) { included in
          watch.add([included])
          return try PipelineOptions.read(included)
        }
        let engine = Engine(
          source: PipelineSource(file), overrides: overrides, root: ".", store: store, registry: .builtIn,
          guardExecutable: "/proc/self/exe", jobServer: jobServer, trust: trust)
        watch.add(try await engine.sources(targets: targets, afterRun: false))
        try tell(try await round(engine), since: changes)
        sources = try await engine.sources(targets: targets, afterRun: true)
        watch.add(sources)
      } catch let error where !(error is ExitCode || Task.isCancelled) {
        Output.note((error as? PipelineError).map { "\($0)" } ?? "error: \(error)")
      }
      isWaiting.store(true, ordering: .sequentiallyConsistent)
      changes = try await watch.changes()
      isWaiting.store(false, ordering: .sequentiallyConsistent)
    }
  }

  private func round(_ engine: Engine) async throws -> RunSummary {
    let journal = RunJournal(store: store)
    let note = { (summary: RunSummary, outcome: String) in
      journal.add(engine, targets: self.targets, path: self.path, summary: summary, outcome: outcome)
    }
    recorders.begin(RecordedRun(pipeline: path, targets: targets, parameters: engine.parameters))
    let terminal = Terminal()
    let display = RunWatch(terminal.isTerminal ? TerminalDisplay(terminal) : PlainDisplay())
    async let _: Void = display.keepTime()
    defer { display.end() }
    do {
      let summary = try await engine.run(targets: targets, options: options) { event in
        display.take(event)
        self.recorders.take(event)
      }
      recorders.end(.finished(summary))
      note(summary, summary.isFailure ? "failed" : "done")
      return summary
    } catch {
      recorders.end(.stopped(error, soFar: display.soFar))
      if Task.isCancelled { note(display.soFar, "interrupted") }
      throw error
    }
  }

  /// One line for the round.
  private func tell(_ summary: RunSummary, since changes: [String]) throws {
    let names = changes.map { $0.hasPrefix("./") ? String($0.dropFirst(2)) : $0 }
    if isJSON {
      let round: [String: JSON] = ["changed": .array(names.map(JSON.string))]
      return try Output.print(.object((summary.json.object ?? [:]).merging(round) { $1 }))
    }
    let shown =
      names.prefix(3).joined(separator: ", ") + (names.count > 3 ? " and \(names.count - 3) more" : "")
    try Output.print((names.isEmpty ? "" : "\(shown) changed: ") + summary.facts)
  }
}
