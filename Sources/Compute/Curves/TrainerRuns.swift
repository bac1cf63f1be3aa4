internal import System

/// The trainings in what Trainers of transformers have printed into one file, seen part after part.
///
/// A training that was stopped and goes on from a checkpoint is one, as far as the file tells: its losses go on, or go back to some step
/// behind the first. One that begins anew, or that goes back behind the end of another, is another training.
struct TrainerRuns {
  /// Losses behind which stand bars with one total, and steps that ascend.
  private struct Run {
    let total: Int
    /// The first step that it shows: by its bar, or by its first loss.
    let begins: Int
    /// Where it begins.
    let line: Int
    let firstLoss: Int
    var lastLoss: Int
    var losses = 1
    /// Whether its Trainer has said what all of it took.
    var isFinished = false
  }

  private var runs: [Run] = []
  private var isBehindLoss = false
  /// The bars since the last loss, by their totals: where one stands that has not begun, and the lowest step behind it.
  private var bars: [Int: (line: Int?, step: Int)] = [:]

  mutating func take(_ part: TrainerPart, isOfTraining: Bool, isEnd: Bool, at line: Int) {
    if part.isBlank { return }
    if isBehindLoss, let bar = part.bars.first, bar.step > 0 { add(bar, at: line) }
    isBehindLoss = isOfTraining
    if isEnd, !runs.isEmpty { runs[runs.count - 1].isFinished = true }
    for bar in part.bars {
      let known = bars[bar.total]
      // A file may have very many that are none of its training's.
      if known == nil, bars.count > 1000 { continue }
      bars[bar.total] =
        bar.step > 0 ? (known?.line, min(bar.step, known?.step ?? .max)) : (line, .max)
    }
  }

  /// A loss behind which this bar stands.
  private mutating func add(_ bar: TrainerPart.Bar, at line: Int) {
    if let last = runs.indices.last, runs[last].total == bar.total, runs[last].lastLoss <= bar.step {
      runs[last].lastLoss = bar.step
      runs[last].losses += 1
    } else if runs.count < 10_000 {
      let seen = bars[bar.total]
      runs.append(
        Run(
          total: bar.total, begins: min(seen?.step ?? bar.step, bar.step), line: seen?.line ?? line,
          firstLoss: bar.step, lastLoss: bar.step))
    }
    bars = [:]
  }

  /// What the bars of the training say that there are of steps: more than one number where it was made longer.
  ///
  /// A single loss may stand before the bar of something else, such as an evaluation.
  var totals: Set<Int> {
    let sure = Set(runs.filter { $0.losses > 1 }.map(\.total))
    return sure.isEmpty ? Set(runs.map(\.total).max().map { [$0] } ?? []) : sure
  }

  /// - Throws: if there is more than one training.
  func requireOne(file: String) throws(Failure) {
    let totals = totals
    let all = runs.filter { totals.contains($0.total) }
    guard let first = all.first else { return }
    for (earlier, run) in zip(all, all.dropFirst()) {
      let isAnew = run.begins <= first.firstLoss
      guard isAnew || earlier.isFinished && run.firstLoss <= earlier.lastLoss else { continue }
      throw Failure(
        .malformed,
        "\(file): two trainings stand in this log: one of \(earlier.total) steps, whose last loss is that of step \(earlier.lastLoss), and from line \(run.line) on one of \(run.total), which begins again at step \(run.firstLoss)",
        hint:
          "give each a file of its own, as with: head -n \(max(1, run.line - 1)) and tail -n +\(run.line); or read the trainer_state.json beside the last checkpoint of each"
      )
    }
  }
}
