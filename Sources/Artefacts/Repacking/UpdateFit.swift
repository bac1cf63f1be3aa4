/// A weight before and after an update, and the moments after it.
struct UpdateSample {
  let before, now, first, second: Float
}

/// Finds how an optimiser has updated weights.
///
/// With s = sqrt(v'), w - w' = d w + a m' / (s + e). Times s + e that is linear in a, d, d e and e, which gives a start; from
/// there least squares of what is left, in units of the weights' last bits, lead to the three numbers.
enum UpdateFit {
  /// How many samples are predicted to the last bit, and how many but for it.
  struct Hits: Comparable {
    var near = 0
    var exact = 0

    static func < (one: Hits, other: Hits) -> Bool {
      (one.exact + one.near, one.exact) < (other.exact + other.near, other.exact)
    }
  }

  static func hits(of rates: Updates.Rates, _ samples: [UpdateSample]) -> Hits {
    samples.reduce(into: Hits()) { hits, sample in
      let prediction = Updates.prediction(
        rates, weight: sample.before, first: sample.first, second: sample.second)
      if prediction == sample.now { hits.exact += 1 }
      if (prediction - sample.now).magnitude <= sample.now.ulp { hits.near += 1 }
    }
  }

  /// What fits some samples best.
  /// - Returns: nil of too few, or where nothing is found.
  static func rates(of samples: [UpdateSample]) -> Updates.Rates? {
    let points = likely(samples.compactMap(Point.init))
    guard points.count >= fewest, var found = start(points) else { return nil }
    for _ in 0..<rounds {
      found = improved(found, points)
      guard found.allSatisfy(\.isFinite) else { return nil }
    }
    let rates = Updates.Rates(decay: Float(found[1]), step: Float(found[0]), floor: Float(found[2]))
    return [rates.decay, rates.step, rates.floor].allSatisfy(\.isFinite) ? rates : nil
  }

  /// Samples, at least: of fewer nothing is said.
  private static let fewest = 64
  private static let rounds = 8

  private struct Point {
    let weight, change, first, root, unit: Double

    init?(_ sample: UpdateSample) {
      guard sample.before.isFinite, sample.now.isFinite, sample.first.isFinite, sample.second.isFinite,
        sample.second > 0
      else { return nil }
      let size = max(sample.before.magnitude, sample.now.magnitude)
      weight = Double(sample.before)
      change = weight - Double(sample.now)
      first = Double(sample.first)
      root = Double(sample.second).squareRoot()
      unit = Double(size.ulp)
    }
  }

  /// Without what has changed by far more than nine tenths of them, which no update has made, and which alone would say what fits.
  private static func likely(_ points: [Point]) -> [Point] {
    let changes = points.map(\.change.magnitude).sorted()
    guard !changes.isEmpty else { return [] }
    let limit = 16 * changes[changes.count * 9 / 10]
    return points.filter { $0.change.magnitude <= limit }
  }

  /// a, d and e, nearly.
  private static func start(_ points: [Point]) -> [Double]? {
    let scale = points.map { 1 / ($0.unit * ($0.root + 1e-12)) }
    func column(_ term: (Point) -> Double) -> [Double] { zip(points, scale).map { term($0) * $1 } }
    let fit = leastSquares(
      [column { $0.first }, column { $0.weight * $0.root }, column { $0.weight }, column { -$0.change }],
      column { $0.change * $0.root })
    return fit.allSatisfy(\.isFinite) ? [fit[0], fit[1], max(0, fit[3])] : nil
  }

  /// One step of Gauss and Newton, without what lies far off, since another rule made it.
  private static func improved(_ found: [Double], _ points: [Point]) -> [Double] {
    let (step, decay, floor) = (found[0], found[1], found[2])
    let rests = points.map {
      ($0.change - decay * $0.weight - step * $0.first / ($0.root + floor)) / $0.unit
    }
    let sizes = rests.map(\.magnitude).sorted()
    let limit = max(1, 4 * sizes[sizes.count / 2])
    let kept = zip(points, rests).filter { $1.magnitude <= limit }
    let change = leastSquares(
      [
        kept.map { point, _ in point.first / (point.root + floor) / point.unit },
        kept.map { point, _ in point.weight / point.unit },
        kept.map { point, _ in
          let divisor = point.root + floor
          return -step * point.first / (divisor * divisor) / point.unit
        },
      ], kept.map(\.1))
    return [step + change[0], decay + change[1], max(0, floor + change[2])]
  }

  /// Factors of columns whose sum is nearest to another one, by Gram and Schmidt; 0 for a column that others make up.
  private static func leastSquares(_ columns: [[Double]], _ right: [Double]) -> [Double] {
    func product(_ one: [Double], _ other: [Double]) -> Double {
      zip(one, other).reduce(0) { $0 + $1.0 * $1.1 }
    }
    var directions: [(vector: [Double], parts: [Double], length: Double)] = []
    for column in columns {
      var (rest, parts) = (column, [Double]())
      for direction in directions {
        let part = product(direction.vector, rest)
        parts.append(part)
        rest = zip(rest, direction.vector).map { $0 - part * $1 }
      }
      let length = product(rest, rest).squareRoot()
      let isNew = length > 1e-10 * product(column, column).squareRoot()
      directions.append(
        (isNew ? rest.map { $0 / length } : rest.map { _ in 0 }, parts, isNew ? length : .infinity))
    }
    var (rest, factors) = (right, [Double]())
    for direction in directions {
      let part = product(direction.vector, rest)
      factors.append(part)
      rest = zip(rest, direction.vector).map { $0 - part * $1 }
    }
    for index in columns.indices.reversed() {
      factors[index] /= directions[index].length
      for before in 0..<index { factors[before] -= directions[index].parts[before] * factors[index] }
    }
    return factors
  }
}
