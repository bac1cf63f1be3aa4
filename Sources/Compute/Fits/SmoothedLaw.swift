internal import System

/// What smoothing makes of a law's losses where there is no noise: the points of a curve as means over the windows of the moving
/// average that they came from.
struct SmoothedLaw {
  let base: Double
  let modelled: UnsmoothedLaw.Modelled
  /// Of each point: log t at places of its window, all or evenly spread.
  private let places: [[Double]]

  /// More places in a window than this tell nothing more of a law that is smooth within a factor of 1.2 in t.
  private static let most = 16

  /// - Returns: nil for points that are single losses.
  init?(_ curve: PreparedCurve, points: FittedPoints) {
    if let origin = curve.origin {
      guard let base = curve.smoothing else { return nil }
      self.base = base
      modelled = .preparation
      places = points.places.map { index in
        let last = Double(origin.places[index])
        return SmoothedLaw.spread(from: (last / base).rounded(.down), to: last).map {
          curve.logStep(at: $0, of: origin)
        }
      }
      return
    }
    guard PreparedCurve.areSmoothed(points.steps, points.y) else { return nil }
    base = LossWindow.ratio
    modelled = .publishedSmoothing
    places = points.steps.map { step in
      let window = LossWindow.smoothed(step)
      return SmoothedLaw.spread(from: Double(window.lowerBound), to: Double(window.upperBound)).map(
        Elementary.log)
    }
  }

  /// The points' log losses under a law of the single losses.
  func logLosses(of law: OneBreak) -> [Double] {
    places.map { window in
      // Relative to the last, so that absurd laws do not overflow before their ratios do.
      let end = law.logLoss(atLog: window[window.count - 1])
      let sum = window.reduce(0) { $0 + Elementary.exp(law.logLoss(atLog: $1) - end) }
      return end + Elementary.log(sum / Double(window.count))
    }
  }

  /// The whole numbers of a range, or the middles of as many equal parts as are looked at.
  static func spread(from first: Double, to last: Double) -> [Double] {
    let count = last - first + 1
    let parts = min(count, Double(most))
    return (0..<Int(parts)).map { first - 0.5 + (Double($0) + 0.5) * count / parts }
  }
}

extension PreparedCurve {
  /// log t at a place among the points that the curve was made from, on the line between the nearest that it kept.
  fileprivate func logStep(at place: Double, of origin: CurveOrigin) -> Double {
    var (low, high) = (0, origin.places.count - 1)
    while high - low > 1 {
      let middle = (low + high) / 2
      if Double(origin.places[middle]) <= place { low = middle } else { high = middle }
    }
    let (start, step) = (Double(origin.places[low]), Double(steps[low]))
    guard high > low else { return Elementary.log(max(step, 1)) }
    let slope = (Double(steps[high]) - step) / (Double(origin.places[high]) - start)
    return Elementary.log(max(step + (place - start) * slope, 1))
  }
}
