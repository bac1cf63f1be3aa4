internal import System

/// Which of a table's columns hold the step and the loss.
struct CurveColumns {
  let step: Int
  let loss: Int
  /// What is to be said of the loss where its name is that of another quantity.
  let doubt: String?
  let unit: LossUnit
  /// What the column of the loss is called.
  let name: String
  let stepName: String
  /// Whether the user named the column of the loss.
  let isNamed: Bool
  /// Whether it was taken since there is no other one, and not for what it is called.
  let isLone: Bool

  /// The same of another place in the source.
  init(_ columns: CurveColumns, step: Int, loss: Int) {
    self.step = step
    self.loss = loss
    doubt = columns.doubt
    unit = columns.unit
    name = columns.name
    stepName = columns.stepName
    isNamed = columns.isNamed
    isLone = columns.isLone
  }

  /// The names that are taken for each without asking, in the form of `plain`.
  static let steps: Set<String> = [
    "step", "steps", "iter", "iters", "iteration", "iterations", "global_step", "train_step", "training_step",
    "trainer_global_step", "train_global_step", "optimizer_step", "update", "updates", "num_updates", "x",
  ]
  static let losses: Set<String> = [
    "loss", "train_loss", "training_loss", "loss_train", "lm_loss", "train_lm_loss", "train_crossentropyloss",
    "train_cross_entropy_loss", "crossentropyloss", "cross_entropy_loss", "train", "smoothed_loss", "y",
  ]
  /// Words in the names of what is no loss in nats.
  private static let otherQuantities: [String: String] = [
    "ppl": "a perplexity", "perplexity": "a perplexity", "acc": "an accuracy", "accuracy": "an accuracy",
    "lr": "a learning rate", "rate": "a rate", "norm": "a norm", "time": "a time", "seconds": "a time",
    "epoch": "an epoch",
    "tokens": "a number of tokens", "throughput": "a throughput",
  ]
  private static let evaluations: Set<String> = ["val", "valid", "validation", "eval", "test", "dev"]
  private static let otherLosses = evaluations.union([
    "min", "max", "epoch", "scale", "aux", "z", "ppl",
    "perplexity",
  ])

  /// - Parameters:
  ///   - names: the columns in order.
  ///   - step, loss: what the user named; nil to guess.
  /// - Throws: `Failure.columns`, with the names, where a column is missing or two would do.
  init(_ names: [String], step: String?, loss: String?, in source: String) throws(Failure) {
    func named(_ name: String, _ what: String) throws(Failure) -> Int {
      let places = names.indices.filter { names[$0] == name }
      if places.count == 1 { return places[0] }
      throw Failure(
        .columns,
        "\(source): \(places.isEmpty ? "no column" : "more than one column") is called '\(name)'; "
          + CurveColumns.list(names), hint: "name the \(what) with one of them")
    }
    func guessed(_ candidates: [Int], _ what: String) throws(Failure) -> Int {
      if candidates.count == 1 { return candidates[0] }
      let problem =
        candidates.isEmpty
        ? "no column looks like the \(what)"
        : "the \(what) could be in \(candidates.map { "'\(names[$0])'" }.joined(separator: " or "))"
      throw Failure(
        .columns, "\(source): \(problem); " + CurveColumns.list(names),
        hint: "name the column (--\(what) COLUMN, or the parameter '\(what)')")
    }
    let plain = names.map(CurveColumns.plain)
    let stepIndex =
      if let step { try named(step, "step") } else {
        try guessed(
          CurveColumns.guesses(names.indices.filter { CurveColumns.isStep(names[$0]) }, names), "step")
      }
    self.step = stepIndex
    var isLone = false
    if let loss {
      self.loss = try named(loss, "loss")
    } else {
      var candidates = names.indices.filter {
        $0 != stepIndex && CurveColumns.isLoss(names[$0], among: names)
      }
      if candidates.isEmpty, names.count == 2 {
        candidates = names.indices.filter { $0 != stepIndex }
        isLone = true
      }
      self.loss = try guessed(candidates, "loss")
    }
    let words = plain[self.loss].split(separator: "_").map(String.init)
    let unit = LossUnit(words)
    let other: String? =
      if case .other(let quantity) = unit {
        quantity
      } else {
        words.contains("loss") ? nil : words.compactMap { CurveColumns.otherQuantities[$0] }.first
      }
    let name = names[self.loss]
    self.unit = unit
    self.name = name
    stepName = names[stepIndex]
    isNamed = loss != nil
    self.isLone = isLone
    doubt = other.map { "'\(name)' was read as a loss in nats, and looks like \($0)" }
    if loss == nil, let other {
      throw Failure(
        .columns, "\(source): the column '\(name)' looks like \(other), not like a loss in nats",
        hint:
          "give the loss itself in nats or bits a token (of a perplexity, its logarithm), or name the column (--loss COLUMN, or the parameter "
          + "'loss') if it is one")
    }
  }

  /// The unit of what is called so.
  static func unit(of name: String) -> LossUnit {
    LossUnit(plain(name).split(separator: "_").map(String.init))
  }

  /// Whether a name is that of the loss on other data than those of the training.
  static func isOfEvaluation(_ name: String) -> Bool {
    plain(name).split(separator: "_").contains { evaluations.contains(String($0)) }
  }

  static func isStep(_ name: String) -> Bool { steps.contains(plain(name)) }

  /// Whether a column says which training, or which part of it, a point is of.
  static func saysOrigin(_ name: String) -> Bool { PointCollector.Origin.names.contains(plain(name)) }

  /// Whether a name is that of a training's loss: one of the usual names, or, where none of those is among the others, one with
  /// the word in it that says nothing else.
  static func isLoss(_ name: String, among names: [String]) -> Bool {
    if names.contains(where: { losses.contains(plain($0)) }) { return losses.contains(plain(name)) }
    let name = plain(name)
    return name.contains("loss") && !name.split(separator: "_").contains { otherLosses.contains(String($0)) }
  }

  /// Of several, those whose names begin with an underscore are counters of a logger's own, and not meant.
  private static func guesses(_ candidates: [Int], _ names: [String]) -> [Int] {
    let own = candidates.filter { !names[$0].hasPrefix("_") }
    return own.isEmpty ? candidates : own
  }

  /// A name in lower case, with everything but letters and digits as single underscores, none at the ends.
  static func plain(_ name: String) -> String {
    name.lowercased().split { !($0.isLetter || $0.isNumber) }.joined(separator: "_")
  }

  private static func list(_ names: [String]) -> String {
    "the columns are " + quoted(names.prefix(40)) + (names.count > 40 ? " and \(names.count - 40) more" : "")
  }

  static func quoted(_ names: some Sequence<String>) -> String {
    names.map { "'\($0)'" }.joined(separator: ", ")
  }
}
