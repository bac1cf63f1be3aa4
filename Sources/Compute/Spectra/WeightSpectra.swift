public import JSON
public import System

/// Singular values of the matrices of a model, of what they have changed by since an initial checkpoint, and how the leading
/// singular spaces of both lie to those that the matrices had there.
public struct WeightSpectra: Sendable, Hashable {
  /// What a matrix's singular values s_i say.
  public struct Spectrum: Sendable, Hashable {
    /// Frobenius': sqrt(sum s^2).
    public let norm: Double
    /// The largest s.
    public let spectralNorm: Double
    /// sum s^2 / max s^2 (Rudelson and Vershynin 2007, "Sampling from large matrices"); nil of a matrix of zeros.
    public let stableRank: Double?
    /// The exponential of the entropy of s / sum s (Roy and Vetterli 2007, "The effective rank"); nil likewise.
    public let effectiveRank: Double?
  }

  /// Mean squared cosines of the principal angles between two spaces of `leading` dimensions each, among the rows and among
  /// the columns. 1: they are the same. By chance, leading / rows and leading / columns.
  public struct Overlap: Sendable, Hashable {
    public let left, right: Double

    /// What is left of their mean above chance, in parts of what could be: 0 by chance, 1 for the same spaces. Nil where
    /// the spaces are whole.
    public func aboveChance(of matrix: Matrix) -> Double? {
      let chance = [matrix.rows, matrix.columns].map {
        min(1, Double(matrix.leading) / Double($0))
      }
      let least = Sums.mean(chance)
      return least < 1 ? (Sums.mean([left, right]) - least) / (1 - least) : nil
    }
  }

  public struct Change: Sendable, Hashable {
    public let spectrum: Spectrum
    /// Its norm in parts of that of the initial matrix; nil if that is 0.
    public let relative: Double?
    /// Of the leading spaces of the matrix with its initial ones, and of those of its change; nil where one of the two has
    /// fewer dimensions, to working precision.
    public let weightsOverlap, changeOverlap: Overlap?
  }

  public struct Matrix: Sendable, Hashable {
    /// Of the tensor.
    public let name: String
    /// As it is stored.
    public let rows, columns: Int
    /// Of the decoder, from 0; nil for embeddings and the output matrix.
    public let layer: Int?
    /// Dimensions of the leading spaces.
    public let leading: Int
    public let weights: Spectrum
    /// Nil without an initial checkpoint.
    public let change: Change?

    /// What it is in every layer: `self_attn.q_proj`.
    public var role: String {
      let parts = name.split(separator: ".").filter { $0 != "weight" }
      let place = parts.firstIndex { Int($0) != nil }
      return (place.map { parts[($0 + 1)...] } ?? parts.suffix(1)).joined(separator: ".")
    }
    public var fullRank: Int { min(rows, columns) }
  }

  public let run: String
  /// The update that the checkpoint was made after.
  public let step: Int
  public let matrices: [Matrix]
}

extension WeightSpectra.Spectrum {
  /// - Parameter values: at least one, in descending order.
  init(_ values: [Double]) {
    norm = Sums.dot(values, values).squareRoot()
    spectralNorm = values[0]
    let sum = Sums.sum(values)
    guard values[0] > 0 else {
      (stableRank, effectiveRank) = (nil, nil)
      return
    }
    let ratios = values.map { $0 / values[0] }
    stableRank = Sums.dot(ratios, ratios)
    let shares = values.map { $0 / sum }
    effectiveRank = Elementary.exp(-Sums.sum(shares.map { $0 > 0 ? $0 * Elementary.log($0) : 0 }))
  }

  fileprivate var json: JSON {
    [
      "norm": .number(norm), "spectral_norm": .number(spectralNorm), "stable_rank": .optional(stableRank),
      "effective_rank": .optional(effectiveRank),
    ]
  }

  fileprivate init(json: JSON) throws(Failure) {
    norm = try json.number("norm")
    spectralNorm = try json.number("spectral_norm")
    stableRank = try json.optionalNumber("stable_rank")
    effectiveRank = try json.optionalNumber("effective_rank")
  }
}

extension WeightSpectra {
  public var json: JSON {
    ["run": .string(run), "step": .whole(step), "matrices": .array(matrices.map(\.json))]
  }

  public init(json: JSON) throws(Failure) {
    run = try json.text("run")
    step = try json.whole("step")
    var matrices: [Matrix] = []
    for matrix in try json.list("matrices") { matrices.append(try Matrix(json: matrix)) }
    self.matrices = matrices
  }
}

extension WeightSpectra.Matrix {
  fileprivate var json: JSON {
    func overlap(_ overlap: WeightSpectra.Overlap?) -> JSON {
      overlap.map { ["left": .number($0.left), "right": .number($0.right)] } ?? .null
    }
    let change: JSON =
      change.map {
        [
          "spectrum": $0.spectrum.json, "relative": .optional($0.relative),
          "weights_overlap": overlap($0.weightsOverlap), "change_overlap": overlap($0.changeOverlap),
        ]
      } ?? .null
    return [
      "name": .string(name), "rows": .whole(rows), "columns": .whole(columns), "layer": .optional(layer),
      "leading": .whole(leading), "weights": weights.json, "change": change,
    ]
  }

  fileprivate init(json: JSON) throws(Failure) {
    func overlap(_ json: JSON) throws(Failure) -> WeightSpectra.Overlap? {
      json.isNull ? nil : .init(left: try json.number("left"), right: try json.number("right"))
    }
    name = try json.text("name")
    rows = try json.whole("rows")
    columns = try json.whole("columns")
    layer = try json.optionalWhole("layer")
    leading = try json.whole("leading")
    guard rows > 0, columns > 0, leading > 0 else {
      throw Failure(
        .malformed, "a matrix of \(rows) rows and \(columns) columns has no \(leading) leading values")
    }
    weights = try .init(json: json.member("weights"))
    let found = try json.member("change")
    change =
      found.isNull
      ? nil
      : .init(
        spectrum: try .init(json: found.member("spectrum")), relative: try found.optionalNumber("relative"),
        weightsOverlap: try overlap(found.member("weights_overlap")),
        changeOverlap: try overlap(found.member("change_overlap")))
  }
}
