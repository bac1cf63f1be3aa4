import Actions
import ArgumentParser
import Artefacts
import Glibc
import JSON
import Pipeline
import Runs
import System

extension Brake {
  struct Log: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      commandName: "log",
      abstract: "Show what stages print while they run, printed when they ran, or when they last failed.",
      discussion: """
        Of a stage that runs now, here or in another process: what it has printed so far and then, until it ends, what \
        it prints; Ctrl-C ends the log and not the stage. On a terminal colours stay, and other control characters are \
        written out; a file or a pipe gets what the stage printed. --plot draws how a number grows that the script tells with \
        brake.log, or writes to an output called 'metrics', as lines of JSON such as {"loss":2.5,"step":100}; a file or a pipe \
        gets a line 'step, tab, value' for each.
        """)

    @OptionGroup var pipeline: PipelineOptions
    @Flag(help: "Of a stage that runs, only what it has printed so far.") var noFollow = false
    @Flag(help: "Print an array of objects, of long logs the end. Follows nothing.") var json = false
    @Option(
      help: ArgumentHelp(
        "Draw this number, such as loss, as the stages tell it or write it to their output 'metrics'.",
        valueName: "metric"))
    var plot: String?
    @OptionGroup var given: Targets

    func validate() throws {
      if json && plot != nil {
        throw ValidationError("--plot draws, and --json prints logs: give one of them")
      }
    }

    func run() async throws {
      try refuseFollowing()
      let engine = try pipeline.engine(given.overrides)
      let logs = try await engine.logs(targets: given.targets)
      let origins = try RecordOrigins(of: logs.compactMap(\.record), in: engine.store)
      if json { return try Output.print(.array(logs.map { try $0.json(origins, in: engine.store) })) }
      for log in logs {
        if log.place == .none {
          Output.note(
            log.hasSaved
              ? "\(log.instance) has not come to its end; what it had saved is kept, and a run goes on from it"
              : "\(log.instance) has not run")
          continue
        }
        if logs.count > 1 { try Output.print("== \(log.instance)") }
        if let words = log.record.flatMap({ origins.words(for: $0.key) }) {
          Output.note("\(log.instance): \(words)")
        }
        if let plot {
          try await draw(plot, of: log)
          continue
        }
        var writer = LogWriter()
        if noFollow {
          try log.stream { try writer.write($0) }
        } else {
          try await log.follow { try writer.write($0) }
        }
        try writer.end()
        if case .killed = log.place {
          Output.note("\(log.instance) was stopped; what it had saved is kept, and a run goes on from it")
        }
        if case .failed(_, let work?) = log.place {
          Output.note("\(log.instance) failed; what it had written is in \(work)")
        }
        if case .stopped(_, let work) = log.place {
          let left = work.map { "; what it had written is in \($0)" } ?? ""
          Output.note("\(log.instance) was stopped" + left)
        }
      }
    }

    /// Elsewhere -f means to follow, which this command does by itself.
    private func refuseFollowing() throws {
      guard let file = pipeline.file, !file.hasSuffix(".yaml"), !file.hasSuffix(".yml") else { return }
      if exists(pipeline.workspace.seen(file)) { return }
      throw PipelineError(
        "-f names the pipeline, and there is no file '\(file.visible())'",
        hint: "brake log follows a stage that runs, without an option: brake log '\(file.visible())'")
    }

    /// Draws a curve that grows as long as the stage runs; where nobody looks at a terminal, each point is a line.
    private func draw(_ metric: String, of log: StageLog) async throws {
      let isTerminal = isatty(STDOUT_FILENO) == 1 && Terminal().isTerminal
      let isRunning = log.isRunning && !noFollow
      var plot = CurvePlot()
      var shown = 0
      func show() throws {
        let size = Terminal().size
        let lines = plot.drawing("\(log.instance) \(metric)", columns: size.columns, lines: size.lines)
        let back = shown == 0 ? "" : "\u{1B}[\(shown)A\u{1B}[J"
        try Output.printRaw(back + lines.joined(separator: "\n") + "\n")
        shown = lines.count
      }
      if isRunning {
        Output.note("waits for what \(log.instance) tells of '\(metric.visible())', until it ends")
      }
      let names = try await log.follow(metric: metric, isFollowing: !noFollow) { points in
        plot.add(points)
        if !isTerminal {
          for point in points { try Output.printRaw("\(CurvePlot.plain(point.step))\t\(point.value)\n") }
        } else if isRunning, !points.isEmpty {
          try show()
        }
      }
      guard plot.last != nil else {
        throw PipelineError(
          "'\(log.instance)' has told nothing of '\(metric.visible())'",
          facts: names.isEmpty ? [] : [("there is", names.map { $0.visible() }.joined(separator: ", "))],
          hint: log.isRunning
            ? "brake.log(step, \(metric.visible())=...) in its script tells it"
            : "what brake.log(step, \(metric.visible())=...) in a script tells is there while it runs; an output 'metrics' of lines of JSON stays"
        )
      }
      if isTerminal, !isRunning { try show() }
    }
  }
}

/// Writes a log to the standard output, and a line break behind it if it has none.
struct LogWriter {
  private var filter = LogFilter()
  private let isTerminal = isatty(STDOUT_FILENO) == 1
  private var endsLine = true

  mutating func write(_ bytes: UnsafeRawBufferPointer) throws {
    if let last = bytes.last { endsLine = last == UInt8(ascii: "\n") }
    if isTerminal {
      try filter.filter(bytes).withUnsafeBytes { try Output.write($0) }
    } else {
      try Output.write(bytes)
    }
  }

  mutating func end() throws {
    if isTerminal { try filter.end().withUnsafeBytes { try Output.write($0) } }
    if !endsLine { try Output.print("") }
  }
}

extension StageLog {
  /// Of a long log the end alone, since it becomes one text in memory.
  fileprivate func json(_ origins: RecordOrigins, in store: Store) throws -> JSON {
    guard place != .none else { return ["stage": .string(instance), "state": "none", "log": .null] }
    let most = 16 << 20
    var bytes: [UInt8] = []
    try stream { piece in
      bytes += piece
      if bytes.count > 2 * most { bytes.removeFirst(bytes.count - most) }
    }
    let state =
      switch place {
      case .running: "running"
      case .failed: "failed"
      case .stopped, .killed: "stopped"
      default: "ran"
      }
    var members: [String: JSON] = [
      "stage": .string(instance), "state": .string(state),
      "log": .string(String(decoding: bytes.suffix(most), as: UTF8.self)),
    ]
    if let record { members["made"] = Making.of(record.key, in: store)?.json ?? .null }
    return .object(
      members.merging(record.map { origins.json(for: $0.key) } ?? [:]) { first, _ in first })
  }
}
