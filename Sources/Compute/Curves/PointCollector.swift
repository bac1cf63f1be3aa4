/// Gathers the points of one curve in the order of their source, and makes a curve of them.
struct PointCollector {
  private var steps: [Int] = []
  private var losses: [Double] = []
  /// What makes the losses nats.
  private var factor = 1.0
  /// Where each point stands: a line, or the place in a list.
  private var places: [Int] = []
  private var found: [CurveNote.Kind: (count: Int, places: [String])] = [:]
  /// What a place is called: `line` or `entry`.
  let unit: String

  init(unit: String) { self.unit = unit }

  var isEmpty: Bool { steps.isEmpty }
  var count: Int { steps.count }

  /// Steps beyond this are refused: they are not exact as doubles.
  static let largestStep = 9_007_199_254_740_992.0

  mutating func add(step: Double, loss: Double, at place: Int) {
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
    note(.column, columns.doubt)
    take(columns.unit, of: columns.name)
  }

  /// - Parameter name: what the losses are called in their source.
  mutating func take(_ unit: LossUnit, of name: String) {
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
  mutating func merged(run: String) -> Curve {
    let back = steps.indices.dropFirst().filter { steps[$0] < steps[$0 - 1] }
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
    return Curve(
      run: run, steps: keptSteps, losses: factor == 1 ? keptLosses : keptLosses.map { $0 * factor },
      notes: notes)
  }

  var notes: [CurveNote] {
    CurveNote.Kind.allCases.compactMap { kind in
      found[kind].map { CurveNote(kind, count: $0.count, places: $0.places) }
    }
  }
}
