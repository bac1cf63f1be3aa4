public import JSON
public import System

/// How a per-step loss becomes the curve that is fitted ([ZSL], released code).
public struct Preparation: Sendable, Hashable {
  /// The window of the moving average over indices: point j is the mean of the points from floor(j / base) to j. Nil
  /// leaves the losses as they are.
  public var smoothing: Double?
  /// Keep about a hundred points a decade; see `Preparation.keeps`.
  public var subsample: Bool

  public init(smoothing: Double? = 1.2, subsample: Bool = true) {
    precondition(smoothing.map { $0 > 1 && $0.isFinite } ?? true, "the smoothing base is above 1")
    self.smoothing = smoothing
    self.subsample = subsample
  }

  /// Whether subsampling keeps this step: s mod 10^min(floor(log10 s) - 1, 3) = 0, so 10...100 by 1, 100...1000 by 10,
  /// 1000...10 000 by 100, then by 1000, and none below 10. The last point of a curve is kept besides.
  public static func keeps(step: Int) -> Bool {
    switch step {
    case ..<10: false
    case ..<100: true
    case ..<1000: step % 10 == 0
    case ..<10_000: step % 100 == 0
    default: step % 1000 == 0
    }
  }

  /// Where subsampling would leave fewer points than this, and more were there, all are kept, with a note: the rule
  /// is made for a loss at every step.
  static let fewest = 30

  /// - Throws: `Failure.unusable` if the losses are so large that their average is no number; `CancellationError`.
  public func callAsFunction(_ curve: Curve, group: String? = nil) throws -> PreparedCurve {
    if curve.isPrepared {
      return PreparedCurve(
        run: curve.run, group: group, steps: curve.steps, losses: curve.losses, smoothing: nil,
        isSubsampled: false,
        sourcePoints: curve.steps.count, wasPrepared: true, origin: nil, notes: curve.notes)
    }
    let logLosses = curve.losses.map(Elementary.log)
    let noise = StepNoise(steps: curve.steps, logLosses: logLosses)
    let windows = [LossWindow](steps: curve.steps, logLosses: logLosses, deviation: noise.deviation)
    try Task.checkCancellation()
    var notes = curve.notes
    var losses = curve.losses
    if let smoothing {
      losses = try logMovingAverage(losses, base: smoothing)
      if let beyond = losses.firstIndex(where: { !$0.isFinite }) {
        throw Failure(
          .unusable,
          "the moving average of run '\(curve.run)' leaves the range of numbers at step \(curve.steps[beyond])",
          hint: "look at the losses up to there: they are hardly those of a training run")
      }
    }
    var kept = Array(losses.indices)
    var subsampled = false
    if subsample {
      let last = losses.count - 1
      let thinned = losses.indices.filter { $0 == last || Preparation.keeps(step: curve.steps[$0]) }
      if thinned.count >= min(Preparation.fewest, losses.count) {
        kept = thinned
        subsampled = true
      } else {
        notes.append(
          CurveNote(
            .preparation, count: 1,
            places: [
              "subsampling would have left \(thinned.count) of \(losses.count) points, so all are kept"
            ]))
      }
    }
    return PreparedCurve(
      run: curve.run, group: group, steps: kept.map { curve.steps[$0] }, losses: kept.map { losses[$0] },
      smoothing: smoothing, isSubsampled: subsampled, sourcePoints: curve.steps.count,
      wasPrepared: false, origin: CurveOrigin(places: kept, noise: noise, windows: windows), notes: notes)
  }
}

/// A curve ready for the fit.
public struct PreparedCurve: Sendable, Hashable {
  public let run: String
  /// What runs that differ in their seed alone have in common; the run itself where there are no others.
  public let group: String
  public let steps: [Int]
  /// Smoothed, where `smoothing` says so; in nats.
  public let losses: [Double]
  /// The base of the moving average that was applied here; nil for none.
  public let smoothing: Double?
  public let isSubsampled: Bool
  /// Points of the curve before subsampling.
  public let sourcePoints: Int
  /// The source was already smoothed and subsampled by its authors.
  public let wasPrepared: Bool
  /// What is known of the points that it was made from; nil where the source was already prepared.
  public let origin: CurveOrigin?
  public let notes: [CurveNote]

  public init(
    run: String, group: String? = nil, steps: [Int], losses: [Double], smoothing: Double?,
    isSubsampled: Bool, sourcePoints: Int, wasPrepared: Bool, origin: CurveOrigin? = nil, notes: [CurveNote]
  ) {
    precondition(steps.count == losses.count, "a curve has one loss a step")
    self.run = run
    self.group = group ?? run
    self.steps = steps
    self.losses = losses
    self.smoothing = smoothing
    self.isSubsampled = isSubsampled
    self.sourcePoints = sourcePoints
    self.wasPrepared = wasPrepared
    self.origin = origin
    self.notes = notes
  }
}

extension PreparedCurve {
  public var json: JSON {
    [
      "run": .string(run), "group": .string(group), "steps": .wholes(steps), "losses": .numbers(losses),
      "smoothing": .optional(smoothing), "subsampled": .bool(isSubsampled),
      "source_points": .whole(sourcePoints), "already_prepared": .bool(wasPrepared),
      "origin": origin?.json ?? .null,
      "notes": .array(notes.map(\.json)),
    ]
  }

  public init(json: JSON) throws(Failure) {
    let steps = try json.wholes("steps")
    let losses = try json.numbers("losses")
    guard steps.count == losses.count else {
      throw Failure(
        .malformed, "the prepared curve has \(steps.count) steps and \(losses.count) losses")
    }
    // What comes from elsewhere is calculated with.
    guard steps.allSatisfy(CurveOrigin.holds), losses.allSatisfy({ $0 > 0 && $0.isFinite }) else {
      throw Failure(
        .malformed, "a point of the prepared curve is no step from 0 on with a positive, finite loss",
        hint: "make it with curve.prepare")
    }
    let smoothing = try json.optionalNumber("smoothing")
    guard smoothing.map({ $0 > 1 && $0.isFinite }) ?? true else {
      throw Failure(
        .malformed, "the smoothing of the prepared curve is not above 1", hint: "make it with curve.prepare")
    }
    let origin: CurveOrigin? =
      switch json["origin"] {
      case .none, .some(.null): nil
      case .some(let value): try CurveOrigin(json: value)
      }
    guard origin == nil || origin?.places.count == steps.count else {
      throw Failure(.malformed, "the prepared curve does not say where each of its points comes from")
    }
    self.init(
      run: try json.text("run"), group: json["group"] == nil ? nil : try json.text("group"),
      steps: steps, losses: losses,
      smoothing: smoothing, isSubsampled: try json.flag("subsampled"),
      sourcePoints: try json.whole("source_points"), wasPrepared: try json.flag("already_prepared"),
      origin: origin,
      notes: try CurveNote.notes(json))
  }
}
