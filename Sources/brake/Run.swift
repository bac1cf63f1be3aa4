import Actions
import ArgumentParser
import JSON
import Pipeline
import Runners
import Runs

extension Brake {
  struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "run",
      abstract: "Bring targets up to date.",
      discussion:
        """
        Without targets: the pipeline's defaults. Hits come from the store; only what differs runs.

        With --watch, a line for each round. What counts as a change is another file at the path of the pipeline or of a \
        source, whoever put it there; a broken pipeline is reported and waited upon. Ctrl-C while it waits ends it with \
        status 0.
        """)

    @OptionGroup var pipeline: PipelineOptions

    @OptionGroup var jobs: JobsOption

    @Flag(name: [.customShort("n"), .long], help: "Say what would run and why; run nothing.")
    var dryRun = false

    @Flag(name: [.customShort("k"), .long], help: "Go on with what does not depend on a failed stage.")
    var keepGoing = false

    @Flag(name: [.customShort("B"), .customLong("always-run")], help: "Run every stage, recorded or not.")
    var always = false

    @Flag(
      name: [.customShort("q"), .long], help: "Run nothing, say nothing: exit 1 if anything is out of date.")
    var question = false

    @Flag(help: "End with one JSON object on the standard output.")
    var json = false

    @Option(
      help: ArgumentHelp(
        "Write each event of the run to this file as a line of JSON (docs/events.md); - is the standard output.",
        valueName: "file"),
      completion: .file())
    var events: String?

    @Option(
      help: ArgumentHelp(
        "Write to this file when and beside what each stage ran, in the trace-event format that ui.perfetto.dev opens.",
        valueName: "file"),
      completion: .file())
    var trace: String?

    @Flag(help: "Run, wait until the pipeline or a file that it reads changes, and run again, until Ctrl-C.")
    var watch = false

    @Flag(
      help: """
        Bring the targets up to date, then run each of them, or all stages if none is named, once more without recording \
        anything, and show what differs. Exit 1 if something does.
        """)
    var checkDeterminism = false

    @Flag(help: "Go on without this terminal: return at once; 'brake attach' shows what the run prints.")
    var detach = false

    @OptionGroup var runner: RunnerOption
    @OptionGroup var cache: RemoteCache
    @OptionGroup var given: Targets

    func validate() throws {
      if runner.runner == .slurm, watch { throw ValidationError("--watch runs on this machine only") }
      if detach, watch || dryRun || question || events == "-" {
        throw ValidationError("--detach excludes --watch, -n, -q and --events -")
      }
      if cache.isUsed, watch || dryRun || question || checkDeterminism {
        throw ValidationError("--remote-cache excludes --watch, -n, -q and --check-determinism")
      }
      if checkDeterminism && (watch || dryRun || question) {
        throw ValidationError("--check-determinism excludes --watch, -n and -q")
      }
      if watch && (dryRun || question) { throw ValidationError("--watch excludes -n and -q") }
      if dryRun && question { throw ValidationError("-n and -q exclude each other") }
      if dryRun || question, events != nil || trace != nil {
        throw ValidationError("-n and -q run nothing that --events or --trace could tell of")
      }
      if json && events == "-" {
        throw ValidationError("--json and --events - would both write to the standard output")
      }
    }

    func run() throws {
      if detach { return try goOnAlone() }
      let text = try pipeline.text()
      let recorders = try RunRecorders(events: events, trace: trace)
      defer { recorders.close() }
      let run = self
      if watch { return try waiting { try await run.repeated(text.path, recorders) } }
      let trust = try pipeline.trusting.trust()
      // What a strict policy has let through before is looked at again: keys expire, and signers are struck off. What is to be sent
      // may not be there, although nothing has changed here.
      let looksAnew = try question || dryRun || always || !trust.isEverybody || cache.maySend()
      let memory = looksAnew ? nil : try? pipeline.memory(text, given)
      if recorders.isEmpty, !checkDeterminism, let summary = memory?.recall() { return try show(summary) }
      try waiting { try await run.run(text, trust, memory, recorders) }
    }

    /// Runs what is not known to be as it was.
    private func run(
      _ text: (text: String, path: String), _ trust: Trust, _ memory: RunMemory?, _ recorders: RunRecorders
    ) async throws {
      let isExecuting = !question && !dryRun
      let isOnCluster = try isExecuting && runner.isSlurm()
      let places =
        isOnCluster
        ? Places(onCluster: jobs.jobs ?? RunnerOption.jobs)
        : question || dryRun ? Places(jobs: 1) : jobs.places()
      let engine = try pipeline.engine(
        text, given.overrides,
        sources: { isExecuting && !checkDeterminism ? try cache.sources(for: $0) : [] },
        trust: trust,
        jobServer: places.server, runner: { isExecuting ? try runner.make(for: $0, root: ".") : nil })
      engine.source.note(parameters: memory?.parameters)
      if question { return try await ask(engine) }
      if dryRun { return try await foretell(engine) }
      let summary = try await execute(engine, options(places), memory, recorders)
      if !checkDeterminism { try await cache.send(engine, given.targets) }
      // What is told of the second time is what was asked for.
      if !checkDeterminism || !json { try show(summary) }
      if summary.isFailure { throw ExitCode(2) }
      if checkDeterminism { try await check(engine, options(places)) }
    }

    /// Runs everything again in scratch folders, and compares.
    private func check(_ engine: Engine, _ options: RunOptions) async throws {
      let outcomes = try await Overseen.run {
        [targets = given.targets, store = engine.store] observe in
        try await engine.repeated(targets: targets, options: options, isRecording: false, observe: observe) {
          try RepetitionReport($0, in: store)
        }
      }
      let lines = outcomes.map { (instance: $0.instance, line: RepetitionReports.Line.repeated($0.outcome)) }
      let status = try RepetitionReports.show(lines, most: 20, json: json)
      if status != 0 { throw ExitCode(status) }
    }

    private func repeated(_ path: String, _ recorders: RunRecorders) async throws {
      let places = jobs.places()
      try await WatchedRun(
        path: path, store: pipeline.workspace.open(creating: true), targets: given.targets,
        overrides: given.overrides, options: options(places), jobServer: places.server, recorders: recorders,
        json: json, trust: pipeline.trusting.trust()
      ).run()
    }

    private func options(_ places: Places) -> RunOptions {
      var options = RunOptions()
      options.jobs = places.jobs
      options.keepGoing = keepGoing
      options.always = always
      options.asksVersions = checkDeterminism
      return options
    }

    /// Runs, tells everybody of it, and notes it in the journal.
    private func execute(
      _ engine: Engine, _ options: RunOptions, _ memory: RunMemory?, _ recorders: RunRecorders
    ) async throws -> RunSummary {
      let journal = RunJournal(store: engine.store)
      let note = { (summary: RunSummary, outcome: String) in
        journal.add(
          engine, targets: given.targets, path: engine.source.path, summary: summary, outcome: outcome)
      }
      recorders.begin(
        RecordedRun(pipeline: engine.source.path, targets: given.targets, parameters: engine.parameters))
      let terminal = Terminal()
      let watch = RunWatch(terminal.isTerminal ? TerminalDisplay(terminal) : PlainDisplay())
      do {
        let summary = try await perform(engine, options, memory, recorders, watch)
        recorders.end(.finished(summary))
        note(summary, summary.isFailure ? "failed" : "done")
        return summary
      } catch {
        recorders.end(.stopped(error, soFar: watch.soFar))
        guard let interruption = error as? Interruption else { throw error }
        Output.note("\(interruption); what was finished is kept")
        note(watch.soFar, "interrupted")
        throw ExitCode(128 + interruption.signal)
      }
    }

    /// Runs under the eyes of the user, until it is done or a signal comes.
    private func perform(
      _ engine: Engine, _ options: RunOptions, _ memory: RunMemory?, _ recorders: RunRecorders,
      _ watch: RunWatch
    ) async throws -> RunSummary {
      async let _: Void = watch.keepTime()
      defer { watch.end() }
      return try await Interruption.cancelling { [targets = given.targets] in
        try await engine.run(targets: targets, options: options, memory: memory) { event in
          watch.take(event)
          recorders.take(event)
        }
      }
    }

    private func show(_ summary: RunSummary) throws {
      let text = ([summary.facts] + published(summary)).joined(separator: "\n")
      if json {
        Output.note(text)
        try Output.print(summary.json)
      } else {
        try Output.print(text)
      }
    }

    /// Where the published files are: each after the name of its output, or all but the pages together if there are many.
    /// Pages last: they are what one opens next.
    private func published(_ summary: RunSummary) -> [String] {
      let isPage = { (path: String) in path.utf8.suffix(5).elementsEqual(".html".utf8) }
      let files = summary.published.filter { !isPage($0) }
      let pages = summary.published.filter(isPage)
      let places = Set(files.map { Substring($0.utf8.prefix { $0 != UInt8(ascii: "/") }) }).sorted()
      let together = files.count > 6 && places.count < files.count
      let lines =
        together
        ? [
          "\(files.count) files: "
            + places.map { pipeline.workspace.seen(String($0)) + "/" }.joined(separator: ", ")
        ] : []
      return lines
        + ((together ? [] : files) + pages).map { path in
          let name = path.split(separator: "/").last?.prefix { $0 != "." } ?? ""
          return "\(name): \(pipeline.workspace.seen(path))"
        }
    }

    private func ask(_ engine: Engine) async throws {
      let status = try await engine.status(targets: given.targets, isLooking: false)
      if let error = status.lazy.compactMap(\.error).first { throw error }
      if always || status.contains(where: \.isBehind) { throw ExitCode(1) }
    }

    private func foretell(_ engine: Engine) async throws {
      let status = try await engine.status(targets: given.targets, isLooking: false)
      let explanations = try await engine.why(targets: given.targets, isLooking: false)
      let reasons = Dictionary(
        explanations.map { ($0.instance, $0.reason) }, uniquingKeysWith: { first, _ in first })
      var expectation = Expectation(explanations)
      var table = Table(.left, .left)
      var stages: [JSON] = []
      for each in status where always || each.isBehind {
        let reason =
          switch each.state {
          case .upToDate: "up to date, but -B"
          case .waiting: reasons[each.instance] ?? "waits for its inputs"
          default: reasons[each.instance] ?? each.state.rawValue
          }
        table.add(each.instance, reason)
        stages.append([
          "stage": .string(each.instance), "reason": .string(reason),
          "expected": expectation.json(of: each.instance),
        ])
      }
      if json {
        try Output.print(.array(stages))
      } else {
        try Output.print(
          table.isEmpty ? "nothing to do: all of \(status.count) are up to date" : table.text())
        expectation.words.map { Output.note($0) }
      }
      if status.contains(where: { $0.error != nil }) { throw ExitCode(2) }
    }
  }
}

extension RunSummary {
  var isFailure: Bool { failed > 0 || !failures.isEmpty }

  /// The numbers in one line.
  var facts: String {
    "\(planned) planned: \(ran) ran, \(hit) hit, \(failed) failed, "
      + (skipped > 0 ? "\(skipped) skipped, " : "") + duration(seconds)
  }

  var json: JSON {
    [
      "planned": .integer(Int64(planned)), "ran": .integer(Int64(ran)), "hit": .integer(Int64(hit)),
      "failed": .integer(Int64(failed)), "skipped": .integer(Int64(skipped)), "seconds": .number(seconds),
      "outputs": .object(outputs.mapValues { .object($0) }),
    ]
  }
}
