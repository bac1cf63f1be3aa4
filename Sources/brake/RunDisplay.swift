import Artefacts
import Pipeline
import Runs
import Synchronization
import System

/// Shows a run on the standard error output while it happens.
protocol RunDisplay: Sendable {
  mutating func take(_ event: RunEvent)
  /// Called ten times a second with how far the run has come, and after how many seconds.
  mutating func tick(_ progress: RunProgress, after elapsed: Double)
  mutating func end()
}

/// One line for each stage that ran or failed; for files, pipes and simple terminals.
struct PlainDisplay: RunDisplay {
  func take(_ event: RunEvent) {
    switch event {
    case .finished(let name, .ran, let seconds): Output.note("\(name): ran in \(duration(seconds))")
    case .finished(_, .failed(let error), _): Output.note("\(error)")
    case .note(let text): Output.note(text)
    default: break
    }
  }

  func tick(_ progress: RunProgress, after elapsed: Double) {}
  func end() {}
}

/// A bar for the run and a line for each running stage, drawn over and over in the same place. The cursor stays visible
/// and stands below them, so that there is nothing to restore however the process ends.
struct TerminalDisplay: RunDisplay {
  let terminal: Terminal
  private var drawn = 0

  init(_ terminal: Terminal) { self.terminal = terminal }

  mutating func take(_ event: RunEvent) {
    switch event {
    case .finished(_, .failed(let error), _):
      let text = "\(error)".visible(lineBreaks: true)
      let coloured = text.replacing(
        "error:", with: Style.red("error:", if: terminal.hasColour), maxReplacements: 1)
      Output.noteRaw(erasure + coloured + "\n")
      drawn = 0
    case .note(let text):
      Output.noteRaw(erasure + text.visible(lineBreaks: true) + "\n")
      drawn = 0
    default: break
    }
  }

  mutating func tick(_ progress: RunProgress, after elapsed: Double) {
    let size = terminal.size
    let lines = progress.lines(
      elapsed: elapsed, columns: size.columns - 1, height: min(12, size.lines - 1),
      colour: terminal.hasColour)
    Output.noteRaw(erasure + lines.map { $0 + "\n" }.joined())
    drawn = lines.count
  }

  mutating func end() {
    Output.noteRaw(erasure)
    drawn = 0
  }

  /// Back to the first of the lines, and everything below it gone.
  private var erasure: String { drawn > 0 ? "\u{1B}[\(drawn)F\u{1B}[J" : "" }
}

/// Hands the events of a run, from whichever thread they come, to a display, and keeps its time.
final class RunWatch: Sendable {
  /// Nil once the run has ended.
  private let display: Mutex<(any RunDisplay)?>
  private let progress = Mutex(RunProgress())
  private let start = ContinuousClock.now

  init(_ display: any RunDisplay) { self.display = Mutex(display) }

  func take(_ event: RunEvent) {
    progress.withLock { $0.take(event) }
    display.withLock { $0?.take(event) }
  }

  /// What has become of the run so far.
  var soFar: RunSummary {
    var summary = progress.withLock(\.summary)
    summary.seconds = elapsed
    return summary
  }

  private var elapsed: Double { (ContinuousClock.now - start) / .seconds(1) }

  /// Returns when it is cancelled.
  func keepTime() async {
    // What takes no longer than this needs no bar.
    try? await Task.sleep(for: .milliseconds(200))
    while !Task.isCancelled {
      let progress = progress.withLock(\.self)
      display.withLock { $0?.tick(progress, after: elapsed) }
      try? await Task.sleep(for: .milliseconds(100))
    }
  }

  func end() {
    display.withLock {
      $0?.end()
      $0 = nil
    }
  }
}
