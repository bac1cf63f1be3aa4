internal import System

/// A singular value decomposition in float64, with the same bits on every machine and any number of threads.
///
/// The matrix, turned so that it is tall, is reduced to a triangle by Householder reflections, a block of rows at a time, and
/// again with pivoting; one-sided Jacobi rotations then make the rows of that triangle orthogonal (Hestenes 1958; with this
/// preparation, Drmac and Veselic 2008, "New fast and accurate Jacobi SVD algorithm"). It takes about 2 m n^2 + 40 n^3
/// operations for m x n, m >= n, and three arrays of n^2 numbers. Values are exact to about 1e-14 of the largest.
struct SingularValues {
  /// As many as the smaller side, in descending order.
  let values: [Double]
  /// Singular vectors of the largest values, orthonormal: of the rows' space (left) and of the columns' (right). Fewer than
  /// were asked for where the rank is smaller, to working precision.
  let left, right: [[Double]]

  /// The smaller side, at most: 3 GiB, and hours on a few processors.
  static let mostSide = 8192

  /// - Parameters:
  ///   - leading: how many vectors are wanted.
  ///   - checkpoint: is called now and then; what it throws ends the computation.
  ///   - element: of row i and column j; finite, and such that the squares' sum is finite.
  /// - Throws: what `checkpoint` throws.
  init(
    rows: Int, columns: Int, leading: Int, threads: Threads, checkpoint: () throws -> Void = {},
    element: (_ i: Int, _ j: Int) -> Double
  ) throws {
    precondition(rows > 0 && columns > 0, "a matrix has elements")
    let isTall = rows >= columns
    func tall(_ i: Int, _ j: Int) -> Double { isTall ? element(i, j) : element(j, i) }
    let (m, n) = (max(rows, columns), min(rows, columns))
    let triangle = try Triangle(rows: m, columns: n, threads: threads, checkpoint: checkpoint, element: tall)
    let basis = triangle.transposed
    try basis.orthogonalise(threads: threads, checkpoint: checkpoint)
    let norms = (0..<n).map { basis.dot($0, $0).squareRoot() }
    // Equal values in the order of their columns.
    let order = norms.indices.sorted { (norms[$1], $0) < (norms[$0], $1) }
    values = order.map { norms[$0] }

    let least = values[0] * Double(m) * 0x1p-52
    let chosen = order.prefix(min(leading, n)).filter { norms[$0] > least }
    let inner = chosen.map { column -> [Double] in
      var vector = [Double](repeating: 0, count: n)
      for i in 0..<n { vector[triangle.order[i]] = basis.column(column)[i] / norms[column] }
      return vector
    }
    var outer: [[Double]] = []
    for (vector, column) in zip(inner, chosen) {
      let image = (0..<m).map { i in Sums.lanes(n) { tall(i, $0) * vector[$0] } / norms[column] }
      if outer.appendOrthonormal(image) == nil { break }
    }
    let found = Array(inner.prefix(outer.count))
    (left, right) = isTall ? (outer, found) : (found, outer)
  }

  /// The mean squared cosine of the principal angles between the spaces of some orthonormal vectors each: |U^T V|^2 / k. For a
  /// space in a random direction of n dimensions it is k / n.
  static func overlap(_ a: [[Double]], _ b: [[Double]]) -> Double {
    Sums.sum(a.flatMap { a in b.map { b in Sums.dot(a, b) * Sums.dot(a, b) } })
      / Double(max(a.count, b.count))
  }
}

/// Columns of float64, one after the other.
private final class Columns {
  let rows, columns: Int
  let start: UnsafeMutablePointer<Double>

  /// All zero.
  init(rows: Int, columns: Int) {
    (self.rows, self.columns) = (rows, columns)
    start = .allocate(capacity: rows * columns)
    start.initialize(repeating: 0, count: rows * columns)
  }

  deinit { start.deallocate() }

  func column(_ j: Int) -> UnsafeMutablePointer<Double> { start + j * rows }

  func dot(_ a: Int, _ b: Int) -> Double { Self.dot(column(a), column(b), rows) }

  @inline(__always)
  static func dot(
    _ a: UnsafeMutablePointer<Double>, _ b: UnsafeMutablePointer<Double>, _ count: Int
  ) -> Double {
    var sum = SIMD8<Double>.zero
    var i = 0
    while i &+ 8 <= count {
      sum += load(a + i) * load(b + i)
      i &+= 8
    }
    var rest = 0.0
    while i < count {
      rest += a[i] * b[i]
      i &+= 1
    }
    // By halves, in a fixed order.
    let four = sum.lowHalf + sum.highHalf
    let two = four.lowHalf + four.highHalf
    return two[0] + two[1] + rest
  }

  @inline(__always)
  static func load(_ x: UnsafeMutablePointer<Double>) -> SIMD8<Double> {
    UnsafeRawPointer(x).loadUnaligned(as: SIMD8<Double>.self)
  }

  @inline(__always)
  static func store(_ x: SIMD8<Double>, to target: UnsafeMutablePointer<Double>) {
    UnsafeMutableRawPointer(target).storeBytes(of: x, as: SIMD8<Double>.self)
  }

  /// One-sided Jacobi: rotates pairs of columns until all are orthogonal. The pairs of a round have no column in common, so
  /// that they can be rotated in any order and at the same time.
  func orthogonalise(threads: Threads, checkpoint: () throws -> Void) throws {
    let even = columns + columns % 2
    let tolerance = 0x1p-52 * Double(rows).squareRoot()
    let pairs = even / 2
    let isRotated = UnsafeMutablePointer<Bool>.allocate(capacity: max(1, pairs))
    defer { isRotated.deallocate() }
    for _ in 0..<Self.mostSweeps {
      var isDone = true
      for round in 0..<max(0, even - 1) {
        try checkpoint()
        // A tournament: the last stays, the others go round.
        threads.run(pairs, work: 12 * rows * pairs) { first, last in
          for pair in first..<last {
            let (a, b) =
              pair == 0
              ? (even - 1, round)
              : ((round + pair) % (even - 1), (round + even - 1 - pair) % (even - 1))
            isRotated[pair] =
              max(a, b) < columns && self.rotate(min(a, b), max(a, b), tolerance: tolerance)
          }
        }
        for pair in 0..<pairs where isRotated[pair] { isDone = false }
      }
      if isDone { return }
    }
    throw Failure(.unusable, "the singular values of a matrix of \(rows) columns were not found")
  }

  /// Some ten are enough.
  private static let mostSweeps = 60

  /// Makes two columns orthogonal, unless they are (Rutishauser 1966).
  /// - Returns: whether they were not.
  private func rotate(_ p: Int, _ q: Int, tolerance: Double) -> Bool {
    let (x, y) = (column(p), column(q))
    let product = Self.dot(x, y, rows)
    let (a, b) = (Self.dot(x, x, rows), Self.dot(y, y, rows))
    guard abs(product) > tolerance * a.squareRoot() * b.squareRoot() else { return false }
    let zeta = (b - a) / (2 * product)
    let tangent = (zeta < 0 ? -1 : 1) / (abs(zeta) + (1 + zeta * zeta).squareRoot())
    let cosine = 1 / (1 + tangent * tangent).squareRoot()
    let sine = cosine * tangent
    // The new values as the old ones and a correction, so that small rotations add small errors.
    let half = sine / (1 + cosine)
    var i = 0
    while i &+ 8 <= rows {
      let (u, v) = (Self.load(x + i), Self.load(y + i))
      Self.store(u - sine * (v + half * u), to: x + i)
      Self.store(v + sine * (u - half * v), to: y + i)
      i &+= 8
    }
    while i < rows {
      let (u, v) = (x[i], y[i])
      x[i] = u - sine * (v + half * u)
      y[i] = v + sine * (u - half * v)
      i &+= 1
    }
    return true
  }

  /// Makes of the columns, by Householder reflections of all rows, those of an upper triangle.
  /// - Parameter order: with pivoting, of each column the place that it had.
  func triangulate(
    order: inout [Int]?, threads: Threads, checkpoint: () throws -> Void
  ) throws {
    let reflector = UnsafeMutablePointer<Double>.allocate(capacity: rows)
    defer { reflector.deallocate() }
    for k in 0..<min(rows, columns) {
      try checkpoint()
      let count = rows - k
      func square(_ j: Int) -> Double { Self.dot(column(j) + k, column(j) + k, count) }
      if order != nil {
        var (greatest, place) = (square(k), k)
        for j in k + 1..<max(k + 1, columns) {
          let found = square(j)
          if found > greatest { (greatest, place) = (found, j) }
        }
        if place != k {
          for i in 0..<rows { swap(&column(k)[i], &column(place)[i]) }
          order?.swapAt(k, place)
        }
      }
      let own = column(k) + k
      let norm = square(k).squareRoot()
      guard norm > 0 else { continue }
      reflector.update(from: own, count: count)
      reflector[0] += own[0] < 0 ? -norm : norm
      let scale = 2 / Self.dot(reflector, reflector, count)
      threads.run(columns - k - 1, work: 4 * count * (columns - k)) { first, last in
        for j in k + 1 + first..<k + 1 + last {
          let target = column(j) + k
          let factor = scale * Self.dot(reflector, target, count)
          var i = 0
          while i &+ 8 <= count {
            Self.store(Self.load(target + i) - factor * Self.load(reflector + i), to: target + i)
            i &+= 8
          }
          while i < count {
            target[i] -= factor * reflector[i]
            i &+= 1
          }
        }
      }
      own[0] = own[0] < 0 ? norm : -norm
      for i in 1..<max(1, count) { own[i] = 0 }
    }
  }
}

/// R of A P = Q R.
private struct Triangle {
  private let columns: Columns
  private let count: Int
  /// The column of A that is the i-th of A P.
  let order: [Int]

  init(
    rows m: Int, columns n: Int, threads: Threads, checkpoint: () throws -> Void,
    element: (Int, Int) -> Double
  ) throws {
    let work = Columns(rows: min(m, 2 * n), columns: n)
    var (next, kept) = (0, 0)
    var unordered: [Int]?
    while true {
      let more = min(work.rows - kept, m - next)
      for j in 0..<n {
        let column = work.column(j) + kept
        for i in 0..<more { column[i] = element(next + i, j) }
        for i in more..<work.rows - kept { column[i] = 0 }
      }
      next += more
      if next == m { break }
      // The triangle of all rows until now takes the place of the first n.
      try work.triangulate(order: &unordered, threads: threads, checkpoint: checkpoint)
      kept = n
    }
    var order: [Int]? = Array(0..<n)
    try work.triangulate(order: &order, threads: threads, checkpoint: checkpoint)
    (columns, count, self.order) = (work, n, order ?? [])
  }

  /// Of the rows columns.
  var transposed: Columns {
    let found = Columns(rows: count, columns: count)
    for j in 0..<count { for i in 0...j { found.column(i)[j] = columns.column(j)[i] } }
    return found
  }
}
