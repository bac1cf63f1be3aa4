internal import System

extension CurveImport {
  /// A step and a loss that stand in one line of a log.
  private struct Pair: Hashable {
    let step: String
    let loss: String
  }

  /// Lines that are looked at to find out whether a text is a log.
  private static let linesToTell = 5000

  /// Whether a line near the beginning names a step and a loss and gives their numbers.
  static func isLog(_ text: [UInt8]) -> Bool {
    var isLog = false
    try? forEachLine(of: text) { line, number in
      // Comments of a table may say anything.
      isLog = line.first != UInt8(ascii: "#") && !CurveImport().pairs(LogLine(line)).isEmpty
      if isLog || number == linesToTell { throw CancellationError() }
    }
    return isLog
  }

  /// What programs print while they train. Lines without a step and a loss are passed over.
  func log(_ text: [UInt8], file: String, run: String) throws -> Curve {
    var points: [Pair: PointCollector] = [:]
    var oddities: [Pair: StepOddities] = [:]
    var names: Set<String> = []
    try CurveImport.forEachLine(of: text) { line, number in
      if number % 65_536 == 0 { try Task.checkCancellation() }
      let entries = LogLine(line)
      for entry in entries.entries where names.count < 40 { names.insert(entry.name) }
      let found = pairs(entries)
      let origin = found.isEmpty ? [] : origin(of: entries)
      for (pair, step, loss) in found {
        points[pair, default: PointCollector(unit: "line")].add(
          step: step.value, loss: loss, at: number, origin: origin)
        if step.goesOn { oddities[pair, default: StepOddities()].add(cut: step, at: number) }
      }
      for (pair, text) in unread(entries) {
        oddities[pair, default: StepOddities()].unread.append((number, text))
      }
    }
    if points.isEmpty, step == nil, CurveImport.isTrainerLog(text) {
      points = try dictionaries(text, file: file)
    }
    let most = points.values.map(\.count).max() ?? 0
    guard most > 0 else {
      let shown = names.isEmpty ? "" : "; numbers have the names " + CurveColumns.quoted(names.sorted())
      throw Failure(
        .columns,
        "\(file): no line gives both \(step.map { "'\($0)'" } ?? "a step") and "
          + "\(loss.map { "'\($0)'" } ?? "a loss")\(shown)",
        hint: "name them (--step NAME --loss NAME, or the parameters 'step' and 'loss')")
    }
    // A training's loss is printed far more often than that of an evaluation.
    let likely = points.filter { $0.value.count * 2 > most }.keys
    guard likely.count == 1, let pair = likely.first, var found = points[pair] else {
      let pairs = likely.map { "'\($0.loss)' by '\($0.step)'" }.sorted().joined(separator: ", ")
      throw Failure(
        .columns, "\(file): more than one series of numbers could be the loss: \(pairs)",
        hint: "name the one (--step NAME --loss NAME, or the parameters 'step' and 'loss')")
    }
    try oddities[pair]?.tell(&found, file: file)
    let unit = CurveColumns.unit(of: pair.loss)
    if case .other(let quantity) = unit {
      guard loss != nil else {
        throw Failure(
          .columns, "\(file): '\(pair.loss)' looks like \(quantity), not like a loss in nats",
          hint: "name the loss (--loss NAME, or the parameter 'loss')")
      }
      found.note(.column, "'\(pair.loss)' was read as a loss in nats, and looks like \(quantity)")
    }
    found.take(unit, of: Curve.Columns(step: pair.step, loss: pair.loss), isNamed: loss != nil)
    if points.count > 1 {
      let others = points.keys.filter { $0 != pair }.map { "'\($0.loss)' by '\($0.step)'" }.sorted()
      found.note(
        .choice, "'\(pair.loss)' by '\(pair.step)' was read, and not " + others.joined(separator: ", "))
    }
    return try found.merged(run: run, in: file)
  }

  private func pairs(_ line: LogLine) -> [(pair: Pair, step: LogLine.Entry, loss: Double)] {
    let steps = line.entries.filter { isStep($0.name) }
    guard !steps.isEmpty else { return [] }
    let losses = losses(of: line)
    return steps.flatMap { step in
      losses.filter { $0.name != step.name }.map { (Pair(step: step.name, loss: $0.name), step, $0.value) }
    }
  }

  private func origin(of line: LogLine) -> [PointCollector.Origin] {
    line.entries.filter { CurveColumns.saysOrigin($0.name) }
      .map { PointCollector.Origin(name: $0.name, value: "\($0.value)") }
  }

  /// What stands in place of the step in a line with a loss.
  private func unread(_ line: LogLine) -> [(pair: Pair, text: String)] {
    let steps = line.unread.filter { other in
      isStep(other.name) && !line.entries.contains { $0.name == other.name }
    }
    guard !steps.isEmpty else { return [] }
    let losses = losses(of: line)
    return steps.flatMap { step in losses.map { (Pair(step: step.name, loss: $0.name), step.text) } }
  }

  private func isStep(_ name: String) -> Bool { step == nil ? CurveColumns.isStep(name) : name == step }

  private func losses(of line: LogLine) -> [LogLine.Entry] {
    let names = line.entries.map(\.name)
    return line.entries.filter { loss == nil ? CurveColumns.isLoss($0.name, among: names) : $0.name == loss }
  }

  // MARK: Dictionaries

  /// Whether a line near the beginning is a dictionary with a loss, as transformers' Trainer prints it.
  static func isTrainerLog(_ text: [UInt8]) -> Bool {
    var isTrainer = false
    try? forEachLine(of: text) { line, number in
      for part in line.split(separator: UInt8(ascii: "\r")) {
        guard let entries = TrainerPart(UnsafeBufferPointer(rebasing: part)).dictionary else { continue }
        let names = entries.map(\.name)
        if names.contains("epoch"), names.contains(where: { CurveColumns.isLoss($0, among: names) }) {
          isTrainer = true
        }
      }
      if isTrainer || number == linesToTell { throw CancellationError() }
    }
    return isTrainer
  }

  /// The losses of dictionaries behind each of which the training's progress bar says the step.
  private func dictionaries(_ text: [UInt8], file: String) throws -> [Pair: PointCollector] {
    let runs = try CurveImport.trainerRuns(text)
    let totals = runs.totals
    var points: [Pair: PointCollector] = [:]
    /// Those of the dictionary that was read last, where nothing has stood behind it yet.
    var waiting: [(loss: String, value: Double)] = []
    var isOfTraining = false
    // Dictionaries with a loss, and those of them behind which stands a bar.
    var (count, told) = (0, 0)
    func take(_ part: TrainerPart, at line: Int) {
      if part.isBlank { return }
      let bar = part.bars.first { totals.contains($0.total) && $0.step > 0 }
      // Behind the loss of an evaluation tqdm draws its bar anew, too, and in no certain order. Behind one of the training none other is
      // there, or else it was printed late.
      if bar == nil, !isOfTraining, part.dictionary == nil, let other = part.bars.first, other.step > 0 {
        return
      }
      if !waiting.isEmpty, bar != nil { told += 1 }
      for (loss, value) in waiting {
        let pair = Pair(step: CurveImport.bar, loss: loss)
        if let bar {
          points[pair, default: PointCollector(unit: "line")].add(
            step: Double(bar.step), loss: value, at: line)
        } else {
          points[pair, default: PointCollector(unit: "line")]
            .note(.missing, at: line, "no progress bar stands in front of it, behind '\(loss)'")
        }
      }
      waiting = part.dictionary.map(losses) ?? []
      isOfTraining = part.dictionary.map(CurveImport.isOfTraining) ?? false
      count += waiting.isEmpty ? 0 : 1
    }
    try CurveImport.forEachPart(of: text, take)
    // Then the caller says which names there are.
    if count == 0 { return [:] }
    // Where most stand without one, what was printed late stands before another bar than its own.
    guard told * 2 > count, points.values.contains(where: { !$0.isEmpty }) else {
      throw Failure(
        .columns,
        "\(file): the dictionaries that transformers prints name no step, and behind \(told == 0 ? "none" : "\(told)") of \(count) stands a progress bar that says it",
        hint:
          "read trainer_state.json instead, which stands beside the last checkpoint; or let the training print without a buffer and with its progress bars, as in PYTHONUNBUFFERED=1 python3 train.py > train.log 2>&1"
      )
    }
    try runs.requireOne(file: file)
    return points
  }

  private static func trainerRuns(_ text: [UInt8]) throws -> TrainerRuns {
    var runs = TrainerRuns()
    try forEachPart(of: text) { part, line in
      runs.take(
        part, isOfTraining: part.dictionary.map(isOfTraining) ?? false,
        isEnd: part.dictionary.map(isOfEnd) ?? false, at: line)
    }
    return runs
  }

  /// Whether a dictionary says a loss of the training, and no mean over all of it.
  private static func isOfTraining(_ entries: [LogLine.Entry]) -> Bool {
    let names = entries.map(\.name)
    return !isOfEnd(entries) && names.contains { CurveColumns.isLoss($0, among: names) }
  }

  /// Whether a dictionary says what all of a training took.
  private static func isOfEnd(_ entries: [LogLine.Entry]) -> Bool {
    entries.contains { $0.name == "train_runtime" }
  }

  /// What the steps of dictionaries are called in messages.
  private static let bar = "progress bar"

  /// None of those at the end of a training, whose loss is a mean over all of it.
  private func losses(of entries: [LogLine.Entry]) -> [(loss: String, value: Double)] {
    let names = entries.map(\.name)
    if CurveImport.isOfEnd(entries) { return [] }
    return entries.filter {
      loss == nil ? CurveColumns.isLoss($0.name, among: names) : $0.name == loss
    }.map { ($0.name, $0.value) }
  }

  // MARK: Lines

  /// The parts between line feeds and carriage returns, each with the number of its line.
  private static func forEachPart(
    of text: [UInt8], _ body: (_ part: TrainerPart, _ line: Int) -> Void
  ) throws {
    try forEachLine(of: text) { line, number in
      if number % 65_536 == 0 { try Task.checkCancellation() }
      for part in line.split(separator: UInt8(ascii: "\r")) {
        body(TrainerPart(UnsafeBufferPointer(rebasing: part)), number)
      }
    }
  }

  private static func forEachLine(
    of text: [UInt8], _ body: (_ line: UnsafeBufferPointer<UInt8>, _ number: Int) throws -> Void
  ) throws {
    try text.withUnsafeBufferPointer { text in
      var (start, number) = (0, 0)
      while start < text.count {
        let end = text[start...].firstIndex(of: UInt8(ascii: "\n")) ?? text.count
        number += 1
        try body(UnsafeBufferPointer(rebasing: text[start..<end]), number)
        start = end + 1
      }
    }
  }
}

/// What is odd about the steps of a series in a log.
private struct StepOddities {
  /// What stood in place of a step, with its line.
  var unread: [(line: Int, text: String)] = []
  /// The first number that goes on behind a separator of thousands.
  private var cut: (line: Int, step: Double)?

  mutating func add(cut step: LogLine.Entry, at line: Int) { cut = cut ?? (line, step.value) }

  /// - Throws: where steps would be read as a thousandth of what they are.
  func tell(_ points: inout PointCollector, file: String) throws(Failure) {
    if let cut {
      throw Failure(
        .malformed,
        "\(file): line \(cut.line): the step \(Int(cut.step)) has more digits behind it, as of a number with a separator of thousands",
        hint: "print steps without separators, or take them out of the log")
    }
    for (line, text) in unread {
      points.note(.unreadable, at: line, "the step '\(text)' is no whole number")
    }
  }
}
