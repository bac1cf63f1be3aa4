/// Least squares for a broken power law with one or more breaks on log-log points,
///
///     y = beta - c0 x - sum_k c_k s_k(x),   s_k(x) = f_k log(1 + exp((x - delta_k) / f_k)),
///
/// by variable projection (Golub and Pereyra, 1973): for given (delta, log f) the best (beta, c0, c) are linear least
/// squares, so the search is over two numbers a break: Newton's method with the exact Hessian of what is left, damped as
/// Levenberg and Marquardt do. Abscissa and constant are projected out of everything once and for all.
struct BrokenPowerLawSolver {
  /// The non-linear parameters of a break.
  struct Break: Hashable {
    /// log d
    var position: Double
    /// log f
    var logWidth: Double
  }

  struct Solution {
    var breaks: [Break]
    /// beta = log b
    var intercept: Double
    var c0: Double
    /// c_k of each break.
    var changes: [Double]
    /// Sum of squared residuals of y.
    var sse: Double
    var converged: Bool
    var iterations: Int
  }

  /// Breaks are looked for among the fitted points: of one outside them only the exponential tail of its shape would be
  /// seen, which takes any coefficient to follow a single point. Widths are bounded likewise.
  static let logWidths = -4.6...2.3

  let x: [Double]
  let positions: ClosedRange<Double>
  let meanX: Double
  /// x without its mean, of norm 1.
  let direction: [Double]
  let spread: Double
  private(set) var meanY = 0.0
  private(set) var slopeY = 0.0
  /// y without its components along 1 and x.
  private(set) var target: [Double] = []
  /// |target|^2: the sum of squared residuals of the plain power law.
  private(set) var powerLawSSE = 0.0

  let order: Int
  // Of break k: s_k without its components along 1 and x, and its derivatives by position and log width, with them.
  private(set) var shapes: [[Double]]
  private(set) var byPosition: [[Double]]
  private(set) var byWidth: [[Double]]
  /// The derivative of the logistic function at each point, as it is.
  private(set) var curvatures: [[Double]]
  /// The mean of s_k and its component along `direction`, taken out above.
  private(set) var shapeMeans: [Double]
  private(set) var shapeSlopes: [Double]

  /// - Precondition: x is ascending, with more than one value.
  init(x: [Double], y: [Double], breaks order: Int) {
    self.x = x
    self.order = order
    positions = x[0]...x[x.count - 1]
    let meanX = Sums.mean(x)
    var direction = x.map { $0 - meanX }
    let spread = Sums.dot(direction, direction).squareRoot()
    Sums.scale(&direction, by: 1 / spread)
    self.meanX = meanX
    self.direction = direction
    self.spread = spread
    let zeros = [[Double]](repeating: [Double](repeating: 0, count: x.count), count: order)
    shapes = zeros
    byPosition = zeros
    byWidth = zeros
    curvatures = zeros
    shapeMeans = [Double](repeating: 0, count: order)
    shapeSlopes = shapeMeans
    setTarget(y)
  }

  /// Other ordinates at the same abscissae: a bootstrap resample.
  mutating func setTarget(_ y: [Double]) {
    precondition(y.count == x.count)
    target = y
    (meanY, slopeY) = project(&target)
    powerLawSSE = Sums.dot(target, target)
  }

  /// The plain power law: y = intercept - c0 x.
  var powerLaw: (intercept: Double, c0: Double, sse: Double) {
    let slope = slopeY / spread
    return (meanY - slope * meanX, -slope, powerLawSSE)
  }

  /// Takes out of a vector its components along 1 and x, and returns its mean and its component along `direction`.
  private func project(_ vector: inout [Double]) -> (mean: Double, slope: Double) {
    let mean = Sums.mean(vector)
    Sums.shift(&vector, by: -mean)
    let slope = Sums.dot(vector, direction)
    Sums.subtract(slope, direction, from: &vector)
    return (mean, slope)
  }

  mutating func fillColumns(_ breaks: [Break]) {
    for (k, each) in breaks.enumerated() {
      fill(k, each)
      (shapeMeans[k], shapeSlopes[k]) = project(&shapes[k])
    }
  }

  private mutating func fill(_ k: Int, _ each: Break) {
    let width = Elementary.exp(each.logWidth)
    let count = x.count
    x.withUnsafeBufferPointer { x in
      shapes[k].withUnsafeMutableBufferPointer { shape in
        byPosition[k].withUnsafeMutableBufferPointer { byPosition in
          byWidth[k].withUnsafeMutableBufferPointer { byWidth in
            curvatures[k].withUnsafeMutableBufferPointer { curvature in
              let x = x.baseAddress.unsafelyUnwrapped
              let shape = shape.baseAddress.unsafelyUnwrapped
              let byPosition = byPosition.baseAddress.unsafelyUnwrapped
              let byWidth = byWidth.baseAddress.unsafelyUnwrapped
              let curvature = curvature.baseAddress.unsafelyUnwrapped
              let inverse = 1 / width
              for index in 0..<count {
                let distance = x[index] - each.position
                let z = distance * inverse
                let magnitude = z.magnitude
                let u = Elementary.reducedExp(magnitude < 708 ? -magnitude : -708)
                let s = width * ((z > 0 ? z : 0) + Elementary.reducedLog1p(u))
                let sigmoid = (z > 0 ? 1 : u) / (1 + u)
                shape[index] = s
                byPosition[index] = -sigmoid
                byWidth[index] = s - distance * sigmoid
                curvature[index] = sigmoid * (1 - sigmoid)
              }
            }
          }
        }
      }
    }
  }
}
