import Pipeline
import Runs

/// How far a run has come. A value made of events, without a clock or a terminal.
struct RunProgress {
  struct Stage {
    let name: String
    var fraction: Double?
    var text = ""
  }

  private(set) var planned = 0
  private(set) var ran = 0
  private(set) var hit = 0
  private(set) var failed = 0
  private(set) var skipped = 0
  /// In the order of starting.
  private(set) var running: [Stage] = []

  var finished: Int { ran + hit + failed }

  /// The counts so far, for a run that does not come to its end.
  var summary: RunSummary {
    var summary = RunSummary()
    (summary.planned, summary.ran, summary.hit) = (planned, ran, hit)
    (summary.failed, summary.skipped) = (failed, skipped)
    return summary
  }

  mutating func take(_ event: RunEvent) {
    switch event {
    case .planned(let count): planned = count
    case .unchanged(let count): hit += count
    case .started(let name): running.append(Stage(name: name))
    case .progress(let name, let fraction, let text):
      guard let index = running.firstIndex(where: { $0.name == name }) else { return }
      running[index].fraction = fraction.map { min(max($0, 0), 1) }
      running[index].text = text
    case .finished(let name, let outcome, _):
      running.removeAll { $0.name == name }
      switch outcome {
      case .ran: ran += 1
      case .hit: hit += 1
      case .failed: failed += 1
      case .skipped: skipped += 1
      }
    case .withdrawn(let name):
      if running.contains(where: { $0.name == name }) {
        running.removeAll { $0.name == name }
      } else {
        ran -= 1
      }
    case .made, .note: break
    }
  }

  /// Seconds to go if every stage that is left runs, as fast as those that ran: hits take no time and tell nothing.
  /// Nil while too little has run to say.
  func remaining(after elapsed: Double) -> Double? {
    let parts = running.reduce(0) { $0 + ($1.fraction ?? 0) }
    let done = Double(ran + failed) + parts
    let left = Double(planned - finished) - parts
    guard done >= 0.05, elapsed >= 1, left > 0 else { return nil }
    return elapsed * left / done
  }

  /// The bar and a line for each running stage, none wider than `columns`, at most `height` lines.
  func lines(elapsed: Double, columns: Int, height: Int, colour: Bool) -> [String] {
    var lines = [bar(elapsed: elapsed, columns: columns, colour: colour)]
    let room = max(0, height - 1)
    let shown = running.count <= room ? running[...] : running.prefix(max(0, room - 1))
    let width = min(shown.map(\.name.columns).max() ?? 0, columns / 2)
    for stage in shown {
      let percent = stage.fraction.map { "\(Int($0 * 100)) %" } ?? ""
      let space = String(repeating: " ", count: max(0, 5 - percent.count))
      let name = stage.name.fitted(to: width).padded(to: width)
      let state = percent.isEmpty && stage.text.isEmpty ? "" : " \(space)\(percent)  \(stage.text)"
      lines.append("  \(name)\(state)".fitted(to: columns))
    }
    if shown.count < running.count && room > 0 {
      lines.append(Style.dim("  and \(running.count - shown.count) more", if: colour))
    }
    return lines
  }

  private func bar(elapsed: Double, columns: Int, colour: Bool) -> String {
    var facts = " \(finished)/\(planned)  \(ran) ran, \(hit) hit, \(running.count) running"
    if failed > 0 { facts += ", \(failed) failed" }
    facts += "  " + clock(elapsed)
    if let remaining = remaining(after: elapsed) { facts += ", about \(clock(remaining)) left" }
    let width = columns < 40 ? 0 : min(30, columns / 4)
    let full = planned > 0 ? min(width, width * finished / planned) : 0
    return Style.green(String(repeating: "█", count: full), if: colour)
      + Style.dim(String(repeating: "░", count: width - full), if: colour) + facts.fitted(to: columns - width)
  }
}
