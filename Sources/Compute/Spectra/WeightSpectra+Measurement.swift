internal import Safetensors
internal import System

/// The singular values of all matrices of a model, with what they say.
public struct MeasuredSpectra: Sendable {
  public let spectra: WeightSpectra
  /// By the matrix's name behind `weights.`, `change.` and `initial.`.
  public let values: [String: [Double]]

  /// - Parameters:
  ///   - initial: of the same model; nil to look at the weights alone.
  ///   - leading: dimensions of the leading singular spaces; of a matrix at most its smaller side.
  ///   - progress: is told what has been done, in parts of 1; what it throws ends the computation.
  /// - Throws: if the two are of different models, a weight is not finite, or a matrix is too large.
  public init(
    of weights: Parameters, since initial: Parameters?, leading: Int, run: String, step: Int,
    threads: Threads, progress: (Double) throws -> Void = { _ in }
  ) throws {
    precondition(leading > 0, "a space has a dimension")
    if let initial, initial.layout != weights.layout {
      throw Failure(
        .unusable, "the initial checkpoint is of another model",
        hint: "give a checkpoint of the same training, or none")
    }
    let parameters = weights.layout.parameters.filter { $0.shape.count == 2 }
    for parameter in parameters {
      try Self.check(parameter.name, parameter.shape)
      guard weights[parameter].allSatisfy(\.isFinite), initial?[parameter].allSatisfy(\.isFinite) ?? true
      else {
        throw Failure(.unusable, "\(parameter.name) has values that are not finite")
      }
    }
    let whole = parameters.reduce(0.0) { $0 + Self.work($1) }
    var (done, values, matrices) = (0.0, [String: [Double]](), [WeightSpectra.Matrix]())
    for parameter in parameters {
      let (rows, columns) = (parameter.shape[0], parameter.shape[1])
      let dimensions = min(leading, rows, columns)
      func decomposed(
        _ kind: String, _ element: (Int) -> Double
      ) throws -> SingularValues {
        let found = try SingularValues(
          rows: rows, columns: columns, leading: dimensions, threads: threads,
          checkpoint: { try progress(done / whole) }
        ) { element($0 * columns + $1) }
        values["\(kind).\(parameter.name)"] = found.values
        return found
      }
      let now = weights[parameter]
      let found = try decomposed("weights") { Double(now[$0]) }
      var change: WeightSpectra.Change?
      if let before = initial?[parameter] {
        let first = try decomposed("initial") { Double(before[$0]) }
        let difference = try decomposed("change") { Double(now[$0]) - Double(before[$0]) }
        func overlap(_ values: SingularValues) -> WeightSpectra.Overlap? {
          guard values.left.count == dimensions, first.left.count == dimensions else { return nil }
          return .init(
            left: SingularValues.overlap(values.left, first.left),
            right: SingularValues.overlap(values.right, first.right))
        }
        let (spectrum, norm) = (
          WeightSpectra.Spectrum(difference.values), WeightSpectra.Spectrum(first.values).norm
        )
        change = .init(
          spectrum: spectrum, relative: norm > 0 ? spectrum.norm / norm : nil, weightsOverlap: overlap(found),
          changeOverlap: overlap(difference))
      }
      matrices.append(
        .init(
          name: parameter.name, rows: rows, columns: columns, layer: parameter.layer, leading: dimensions,
          weights: .init(found.values), change: change))
      done += Self.work(parameter)
    }
    spectra = WeightSpectra(run: run, step: step, matrices: matrices)
    self.values = values
  }

  /// - Throws: if a matrix would take too long.
  static func check(_ name: String, _ shape: [Int]) throws(Failure) {
    let side = shape.min() ?? 0
    guard side > 0, side <= SingularValues.mostSide else {
      throw Failure(
        .unusable,
        "\(name) has \(shape[0]) rows and \(shape[1]) columns, and singular values are computed of matrices whose smaller side is at "
          + "most \(SingularValues.mostSide)")
    }
  }

  /// Roughly.
  private static func work(_ parameter: ParameterLayout.Parameter) -> Double {
    let (rows, columns) = (Double(parameter.shape[0]), Double(parameter.shape[1]))
    let side = min(rows, columns)
    return 2 * rows * columns * side + 40 * side * side * side
  }

  /// Writes a safetensors file of all singular values, in descending order, float64.
  public func write(to output: (UnsafeRawBufferPointer) throws -> Void) throws {
    try SafetensorsWriter(values.map { (name: $0.key, dtype: .float64, shape: [$0.value.count]) }).write(
      { tensor, emit in try values[tensor.name]?.withUnsafeBytes(emit) }, to: output)
  }
}
