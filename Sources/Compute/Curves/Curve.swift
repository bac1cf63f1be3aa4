public import JSON
public import System

/// The training loss of one run, step by step.
public struct Curve: Sendable, Hashable {
  public var run: String
  /// Optimiser steps. Ascending, except where a curve that is already prepared repeats one.
  public var steps: [Int]
  /// Mean loss per token at each step, in nats; finite and positive.
  public var losses: [Double]
  /// Already smoothed and subsampled, so that preparation leaves it as it is.
  public var isPrepared: Bool
  /// What the import found and what it did about it.
  public var notes: [CurveNote]
  /// Of which columns of its source it was read; nil where nothing had to be chosen.
  public var columns: Columns?

  /// The names, in a source with columns, tags, keys or names of numbers.
  public struct Columns: Sendable, Hashable {
    public let step: String
    public let loss: String
  }

  public init(
    run: String, steps: [Int], losses: [Double], isPrepared: Bool = false, notes: [CurveNote] = [],
    columns: Columns? = nil
  ) {
    precondition(steps.count == losses.count, "a curve has one loss a step")
    self.run = run
    self.steps = steps
    self.losses = losses
    self.isPrepared = isPrepared
    self.notes = notes
    self.columns = columns
  }
}

/// One kind of irregularity in a curve's source: how often, and where first.
public struct CurveNote: Sendable, Hashable, CustomStringConvertible {
  public enum Kind: String, Sendable, CaseIterable {
    /// A cell that is no number, or a step that is no whole number from 0 on; its point was dropped.
    case unreadable
    /// A row without a step or loss; dropped.
    case missing
    /// A loss that is NaN or infinite; dropped.
    case nonFinite = "non-finite"
    /// A loss of zero or less, of which there is no logarithm; dropped.
    case nonPositive = "non-positive"
    /// A step that follows itself: the last of the equal steps was kept.
    case duplicate
    /// A step that goes back: from there on, the later points took the place of the earlier ones.
    case restart
    /// Steps in no order at all: the points were sorted, and of equal steps the last was kept.
    case disorder
    /// The losses were read from a column that is called like something else.
    case column
    /// The losses were read from a column that is called like that of an evaluation.
    case evaluation
    /// The losses are larger than those of a model that knows nothing.
    case large
    /// The losses were bits.
    case unit
    /// More than one series of numbers could have been the loss, and the one with most was read.
    case choice
    /// Something the preparation did other than asked for.
    case preparation
  }

  public let kind: Kind
  public let count: Int
  /// The first few, as `line 17: …`; at most `CurveNote.places`.
  public let places: [String]

  /// No more places than this are listed.
  public static let places = 8

  public init(_ kind: Kind, count: Int, places: [String]) {
    self.kind = kind
    self.count = count
    self.places = places
  }

  public var description: String {
    let listed = places.joined(separator: "; ")
    let more = count > places.count && !places.isEmpty ? "; and \(count - places.count) more" : ""
    return "\(text): \(listed)\(more)"
  }

  private var text: String {
    func number(_ one: String, _ many: String) -> String { count == 1 ? "1 \(one)" : "\(count) \(many)" }
    return switch kind {
    case .unreadable: number("row dropped that is unreadable", "rows dropped that are unreadable")
    case .missing: number("row dropped without step or loss", "rows dropped without step or loss")
    case .nonFinite: number("loss dropped that is not finite", "losses dropped that are not finite")
    case .nonPositive: number("loss dropped that is not positive", "losses dropped that are not positive")
    case .duplicate: number("step given twice, the last kept", "steps given twice, the last kept")
    case .restart: number("restart, the later points kept", "restarts, the later points kept")
    case .disorder: "sorted, as the steps are in no order"
    case .column: "a name that is not a loss's"
    case .evaluation: "losses of an evaluation, and not of the training"
    case .large: "losses that may be another quantity, since they are so large"
    case .unit: "losses in bits a token, made nats"
    case .choice: "more than one series could be the loss"
    case .preparation: "preparation"
    }
  }
}

extension CurveNote {
  public var json: JSON {
    ["kind": .string(kind.rawValue), "count": .whole(count), "places": .texts(places)]
  }

  public init(json: JSON) throws(Failure) {
    self.init(
      try json.choice("kind", otherwise: "is no kind of note"), count: try json.whole("count"),
      places: try json.texts("places"))
  }

  static func notes(_ json: JSON) throws(Failure) -> [CurveNote] {
    var notes: [CurveNote] = []
    for note in try json.list("notes") { notes.append(try CurveNote(json: note)) }
    return notes
  }
}
