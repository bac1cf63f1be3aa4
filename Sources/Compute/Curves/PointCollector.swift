internal import System

/// Gathers the points of one curve in the order of their source, and makes a curve of them.
struct PointCollector {
  private var steps: [Int] = []
  private var losses: [Double] = []
  /// What makes the losses nats.
  private var factor = 1.0
  private var columns: Curve.Columns?
  /// Whether the user named the loss.
  private var isNamed = false
  /// Whether nothing but its being the only one says that it is a loss.
  private var isLone = false
  /// Where each point stands: a line, or the place in a list.
  private var places: [Int] = []
  /// What the last point says of the run, the seed and the epoch that it is of.
  private var origin: [Origin] = []
  /// Where steps go back and another run, seed or epoch begins: the place in `steps`, and what changes.
  private var changes: [Int: String] = [:]
  private var found: [CurveNote.Kind: (count: Int, places: [String])] = [:]
  /// What a place is called: `line` or `entry`.
  let unit: String

  /// The value of a column that says which training, or which part of it, a point is of.
  struct Origin: Equatable {
    let name: String
    let value: String

    /// In the form of `CurveColumns.plain`.
    static let names: Set<String> = ["run", "seed", "epoch"]

    /// Whether a restart has it where the other one was before: a training that goes back may go back to an earlier epoch.
    func canFollow(_ other: Origin) -> Bool {
      if name != other.name || value == other.value { return true }
      guard CurveColumns.plain(name) == "epoch", let epoch = Double(value), let before = Double(other.value)
      else { return false }
      return epoch < before
    }
  }

  init(unit: String) { self.unit = unit }

  var isEmpty: Bool { steps.isEmpty }
  var count: Int { steps.count }

  /// Steps beyond this are refused: they are not exact as doubles.
  static let largestStep = 9_007_199_254_740_992.0

  /// - Parameter origin: always the same columns, in the same order.
  mutating func add(step: Double, loss: Double, at place: Int, origin: [Origin] = []) {
    guard step >= 0, step < PointCollector.largestStep, step == step.rounded(.towardZero) else {
      note(.unreadable, at: place, "the step \(step) is no whole number from 0 on")
      return
    }
    guard loss.isFinite else {
      note(.nonFinite, at: place, "\(loss) at step \(Int(step))")
      return
    }
    guard loss > 0 else {
      note(.nonPositive, at: place, "\(loss) at step \(Int(step))")
      return
    }
    if let last = steps.last, Int(step) < last,
      let (before, now) = zip(self.origin, origin).first(where: { !$1.canFollow($0) })
    {
      changes[steps.count] = "'\(now.name)' changes from \(before.value) to \(now.value)"
    }
    self.origin = origin
    steps.append(Int(step))
    losses.append(loss)
    places.append(place)
  }

  /// Notes what is wrong at a place.
  mutating func note(_ kind: CurveNote.Kind, at place: Int, _ text: @autoclosure () -> String) {
    var entry = found[kind] ?? (0, [])
    entry.count += 1
    if entry.places.count < CurveNote.places { entry.places.append("\(unit) \(place): \(text())") }
    found[kind] = entry
  }

  /// Notes what holds of all points.
  mutating func note(_ kind: CurveNote.Kind, _ text: String?) {
    if let text { found[kind] = (1, [text]) }
  }

  /// Notes what the columns are of which the points come, and what their losses have to be multiplied by.
  mutating func take(_ columns: CurveColumns) {
    isLone = columns.isLone
    note(.column, columns.doubt)
    take(
      columns.unit, of: Curve.Columns(step: columns.stepName, loss: columns.name), isNamed: columns.isNamed)
  }

  /// - Parameter isNamed: whether the user named the loss.
  mutating func take(_ unit: LossUnit, of columns: Curve.Columns, isNamed: Bool) {
    let name = columns.loss
    self.columns = columns
    self.isNamed = isNamed
    if CurveColumns.isOfEvaluation(name) { note(.evaluation, "'\(name)'") }
    guard unit == .bits else { return }
    note(.unit, "'\(name)' was multiplied by ln 2")
    factor = unit.factor
  }

  /// The points as they are: for a curve that its authors prepared.
  func prepared(run: String) -> Curve {
    Curve(run: run, steps: steps, losses: losses.map { $0 * factor }, isPrepared: true, notes: notes)
  }

  /// The points with ascending steps. The rule: the source is a sequence of ascending segments; where steps go back, a
  /// run was restarted, and from the first step of the new segment on its points take the place of the earlier ones.
  /// Of equal steps the last is kept. A source with more than two segments and one for every ten points is in no order:
  /// it is sorted, and again of equal steps the last is kept.
  ///
  /// - Throws: where the steps begin anew from the first one, and not as a training does that failed early.
  mutating func merged(run: String, in source: String) throws(Failure) -> Curve {
    let back = steps.indices.dropFirst().filter { steps[$0] < steps[$0 - 1] }
    try refuseBeginnings(back, in: source)
    if back.count > 1 + steps.count / 10 {
      let (step, previous) = (steps[back[0]], steps[back[0] - 1])
      note(
        .disorder, at: places[back[0]],
        "step \(step) after \(previous), the first of \(back.count) that go back")
      let order = steps.indices.sorted { (steps[$0], $0) < (steps[$1], $1) }
      steps = order.map { steps[$0] }
      losses = order.map { losses[$0] }
      places = order.map { places[$0] }
    }
    var keptSteps: [Int] = []
    var keptLosses: [Double] = []
    keptSteps.reserveCapacity(steps.count)
    keptLosses.reserveCapacity(steps.count)
    for index in steps.indices {
      let step = steps[index]
      if let last = keptSteps.last, last >= step {
        let before = keptSteps.count
        while let last = keptSteps.last, last >= step {
          keptSteps.removeLast()
          keptLosses.removeLast()
        }
        let replaced = before - keptSteps.count
        if steps[index - 1] == step {
          note(.duplicate, at: places[index], "step \(step)")
        } else {
          note(.restart, at: places[index], "step \(step) after \(last), \(replaced) earlier points replaced")
        }
      }
      keptSteps.append(step)
      keptLosses.append(losses[index])
    }
    let inNats = factor == 1 ? keptLosses : keptLosses.map { $0 * factor }
    try judge(inNats, from: keptSteps.first, in: source)
    return Curve(run: run, steps: keptSteps, losses: inNats, notes: notes, columns: columns)
  }

  /// Half of a training's losses are not above this. A model that knows nothing has ln V nats, 13.8 of a vocabulary of a million
  /// tokens; with so many more it would be one of 485 million.
  static let largestMedian = LossCheck.largestTypical
  /// A model whose first weights are badly chosen begins above that, and hardly above this.
  static let largestFirst = 50.0

  /// - Throws: where most of what was taken for losses can be none, and nobody said that it is.
  private mutating func judge(_ losses: [Double], from step: Int?, in source: String) throws(Failure) {
    guard let first = losses.first, let step, let name = columns?.loss else { return }
    let median = losses.sorted()[(losses.count - 1) / 2]
    if isLone, let last = losses.last, last > 2 * first, losses[losses.count / 2] > first {
      throw Failure(
        .columns, "\(source): what is called '\(name)' rises as no loss does, from \(first) to \(last)",
        hint: "name it if it is a loss in nats a token (--loss COLUMN, or the parameter 'loss')")
    }
    guard median > PointCollector.largestMedian || first > PointCollector.largestFirst else { return }
    let found = "the first is \(first), at step \(step), and the median \(median)"
    if median > PointCollector.largestMedian, !isNamed {
      throw Failure(
        .columns, "\(source): what is called '\(name)' is too large for losses in nats a token: \(found)",
        hint:
          "give the loss in nats a token (of a perplexity its logarithm, of a sum over tokens the mean), or name it if it is one "
          + "(--loss COLUMN, or the parameter 'loss')")
    }
    note(.large, "'\(name)': \(found)")
  }

  /// A segment that begins with the first step is that of another epoch or run, if it says so, or if what it would replace is as
  /// long as all that follows. A training that failed before its first checkpoint has left less.
  private func refuseBeginnings(_ back: [Int], in source: String) throws(Failure) {
    guard let first = steps.first, !back.isEmpty else { return }
    // Points in no order go back to many steps, and have each once.
    if back.count > 1 + steps.count / 10, !back.allSatisfy({ steps[$0] == first }) { return }
    var furthest = steps
    for index in steps.indices.dropLast().reversed() {
      furthest[index] = max(furthest[index], furthest[index + 1])
    }
    for index in back where steps[index] <= first {
      let change = changes[index]
      guard change != nil || steps[index - 1] >= furthest[index] else { continue }
      let reason = change.map { ", where \($0)" } ?? ", and go no further than before"
      throw Failure(
        .malformed,
        "\(source): \(unit) \(places[index]): the steps begin anew, with \(steps[index]) after \(steps[index - 1])\(reason): "
          + "these are several runs, or steps within epochs",
        hint: "give each run a file of its own, and steps that count on over epochs")
    }
  }

  var notes: [CurveNote] {
    CurveNote.Kind.allCases.compactMap { kind in
      found[kind].map { CurveNote(kind, count: $0.count, places: $0.places) }
    }
  }
}
