public import JSON
public import System

/// Several runs side by side, and how their breaks go with model size.
public struct CurveComparison: Sendable, Hashable {
  public struct Row: Sendable, Hashable {
    public let run: String
    /// Model size in parameters, where given.
    public let size: Double?
    public let verdict: Verdict
    /// t_d in steps, L_d in nats, r_d.
    public let breakStep, breakLoss, finalRate: Double
    public let breakStepInterval, breakLossInterval, finalRateInterval: BootstrapIntervals.Interval?
    /// \hat L_T and L_T, in nats.
    public let predictedLastLoss, lastLoss: Double
    public let rsle: Double
    public let lastStep: Int
  }

  /// log q = intercept + slope log N by least squares over the sizes of the runs that decelerate. Of runs that differ in their
  /// seed alone, the mean of log q is one point: seeds are no sizes.
  public struct Scaling: Sendable, Hashable {
    public enum Quantity: String, Sendable, CaseIterable {
      case breakLoss = "L_d"
      case breakStep = "t_d"
      case finalRate = "r_d"
      case lastLoss = "L_T"
    }

    public let quantity: Quantity
    public let intercept: Double
    public let slope: Double
    public let standardError: Double
    /// Different sizes.
    public let sizes: Int

    /// 95 % of the slope, by Student's t with two degrees of freedom fewer than sizes.
    public var slopeInterval: BootstrapIntervals.Interval {
      let width = StudentT.quantile(tails: 0.05, degrees: sizes - 2) * standardError
      return .init(lower: slope - width, upper: slope + width)
    }
  }

  /// By size, runs without one last; then by name, 9M before 10M.
  public let rows: [Row]
  /// Empty with fewer than four sizes: a line through three leaves one degree of freedom to say how far it is off.
  public let scalings: [Scaling]

  /// - Parameter sizes: parameters of each run's model; runs without an entry have no size.
  /// - Throws: `Failure.malformed` for a size that is not positive, of a run that is not there, or two runs of one
  ///   name.
  public init(_ analyses: [CurveAnalysis], sizes: [String: Double] = [:]) throws(Failure) {
    let runs = Set(analyses.map(\.curve.run))
    guard runs.count == analyses.count else {
      throw Failure(
        .malformed, "two of the fits are of one run", hint: "give each run a name of its own")
    }
    for (run, size) in sizes.sorted(by: { $0.key < $1.key }) {
      guard runs.contains(run) else {
        throw Failure(
          .malformed,
          "a size is given for '\(run)', but the runs are \(runs.sorted().joined(separator: ", "))")
      }
      guard size > 0, size.isFinite else {
        throw Failure(.malformed, "the size of '\(run)' is \(size), not a number of parameters")
      }
    }
    rows = analyses.map { Row($0, size: sizes[$0.curve.run]) }
      .sorted { a, b in
        a.size == b.size ? naturallyPrecedes(a.run, b.run) : a.size ?? .infinity < b.size ?? .infinity
      }
    scalings = Scaling.Quantity.allCases.compactMap { [rows] in Scaling($0, rows) }
  }
}

extension CurveComparison.Row {
  init(_ analysis: CurveAnalysis, size: Double?) {
    run = analysis.curve.run
    self.size = size
    verdict = analysis.verdict
    breakStep = analysis.fit.curve.breakStep
    breakLoss = analysis.fit.curve.breakLoss
    finalRate = analysis.fit.curve.finalRate
    breakStepInterval = analysis.intervals?.breakStep
    breakLossInterval = analysis.intervals?.breakLoss
    finalRateInterval = analysis.intervals?.finalRate
    predictedLastLoss = analysis.fit.predictedLastLoss
    lastLoss = analysis.fit.lastLoss
    rsle = analysis.fit.quality.rsle
    lastStep = analysis.fit.lastStep
  }

  func value(_ quantity: CurveComparison.Scaling.Quantity) -> Double {
    switch quantity {
    case .breakLoss: breakLoss
    case .breakStep: breakStep
    case .finalRate: finalRate
    case .lastLoss: lastLoss
    }
  }

  public var json: JSON {
    [
      "run": .string(run), "size": .optional(size), "verdict": .string(verdict.rawValue),
      "t_d": .number(breakStep), "L_d": .number(breakLoss), "r_d": .number(finalRate),
      "t_d_interval": breakStepInterval?.json ?? .null, "L_d_interval": breakLossInterval?.json ?? .null,
      "r_d_interval": finalRateInterval?.json ?? .null, "L_T_predicted": .number(predictedLastLoss),
      "L_T": .number(lastLoss), "rsle": .number(rsle), "T": .whole(lastStep),
    ]
  }

  init(json: JSON) throws(Failure) {
    func interval(_ name: String) throws(Failure) -> BootstrapIntervals.Interval? {
      guard let value = json[name], !value.isNull else { return nil }
      return try BootstrapIntervals.Interval(json: json, name)
    }
    run = try json.text("run")
    size = try json.optionalNumber("size")
    verdict = try json.choice("verdict", otherwise: "is no verdict")
    breakStep = try json.number("t_d")
    breakLoss = try json.number("L_d")
    finalRate = try json.number("r_d")
    breakStepInterval = try interval("t_d_interval")
    breakLossInterval = try interval("L_d_interval")
    finalRateInterval = try interval("r_d_interval")
    predictedLastLoss = try json.number("L_T_predicted")
    lastLoss = try json.number("L_T")
    rsle = try json.number("rsle")
    lastStep = try json.whole("T")
  }
}

extension CurveComparison.Scaling {
  public static let fewestSizes = 4

  /// - Returns: nil with fewer than four different sizes, or a quantity that is not positive.
  init?(_ quantity: Quantity, _ rows: [CurveComparison.Row]) {
    let used = rows.filter { $0.verdict == .deceleration && $0.size != nil && $0.value(quantity) > 0 }
    let sizes = Set(used.compactMap(\.size)).sorted()
    guard sizes.count >= Self.fewestSizes else { return nil }
    let x = sizes.map(Elementary.log)
    let y = sizes.map { size in
      Sums.mean(used.filter { $0.size == size }.map { Elementary.log($0.value(quantity)) })
    }
    let (meanX, meanY) = (Sums.mean(x), Sums.mean(y))
    let dx = x.map { $0 - meanX }
    let dy = y.map { $0 - meanY }
    let spread = Sums.dot(dx, dx)
    slope = Sums.dot(dx, dy) / spread
    intercept = meanY - slope * meanX
    let residuals = zip(dx, dy).map { [slope] in $1 - slope * $0 }
    standardError = (Sums.dot(residuals, residuals) / Double(x.count - 2) / spread).squareRoot()
    self.quantity = quantity
    self.sizes = sizes.count
  }

  public var json: JSON {
    [
      "quantity": .string(quantity.rawValue), "intercept": .number(intercept), "slope": .number(slope),
      "standard_error": .number(standardError),
      "slope_interval": slopeInterval.json, "sizes": .whole(sizes),
    ]
  }

  init(json: JSON) throws(Failure) {
    quantity = try json.choice("quantity", otherwise: "is no quantity that is compared")
    intercept = try json.number("intercept")
    slope = try json.number("slope")
    standardError = try json.number("standard_error")
    sizes = try json.whole("sizes")
    guard sizes >= Self.fewestSizes else {
      throw Failure(.malformed, "a law over \(sizes) sizes has no error that is known")
    }
  }
}

extension CurveComparison {
  public var json: JSON { ["rows": .array(rows.map(\.json)), "scalings": .array(scalings.map(\.json))] }

  public init(json: JSON) throws(Failure) {
    var rows: [Row] = []
    for row in try json.list("rows") { rows.append(try Row(json: row)) }
    self.rows = rows
    var scalings: [Scaling] = []
    for scaling in try json.list("scalings") { scalings.append(try Scaling(json: scaling)) }
    self.scalings = scalings
  }
}
