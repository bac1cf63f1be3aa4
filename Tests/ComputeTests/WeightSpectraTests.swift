import Foundation
import JSON
import Safetensors
import System
import Testing

@testable import Compute

@Suite struct `Spectra of weights` {
  private static let folder = URL(fileURLWithPath: #filePath).appending(path: "../../Fixtures/spectra")
    .standardized
  private static let hostile = [
    "square", "tall", "wide", "long_row", "column", "single", "zero", "rank_3", "equal_values",
    "equal_columns", "ill_conditioned", "graded", "huge", "subnormal", "one_entry", "zero_rows",
  ]

  private static func file(_ name: String) throws -> SafetensorsFile {
    try SafetensorsFile([UInt8](Data(contentsOf: folder.appending(path: name))))
  }

  private static func decomposed(
    _ matrix: [Double], _ rows: Int, _ columns: Int, leading: Int = 3,
    threads: Threads = ModelSamples.busyThreads(2)
  ) throws -> SingularValues {
    try SingularValues(rows: rows, columns: columns, leading: leading, threads: threads) {
      matrix[$0 * columns + $1]
    }
  }

  @Test(arguments: hostile)
  func `Singular values and vectors are right for matrices that decompositions go wrong with`(name: String)
    throws
  {
    let file = try Self.file("matrices.safetensors")
    #expect(file.header.tensors.count == Self.hostile.count)
    let shape = try #require(file.descriptor(name)).shape
    let elements: [Float] = try file.elements(name, .float32)
    let matrix = elements.map(Double.init)
    let expected: [Double] = try Self.file("values.safetensors").elements(name, .float64)
    let found = try Self.decomposed(matrix, shape[0], shape[1])
    #expect(found.values.count == expected.count)
    for (value, expected) in zip(found.values, expected) {
      #expect(abs(value - expected) <= 1e-14 * found.values[0], "\(value) instead of \(expected)")
    }
    let rank = expected.count { $0 > 1e-12 * expected[0] }
    #expect(found.left.count == min(3, rank) && found.right.count == found.left.count)
    for (k, (left, right)) in zip(found.left, found.right).enumerated() {
      #expect(left.count == shape[0] && right.count == shape[1])
      // A v = s u, and all of them orthonormal.
      for i in 0..<shape[0] {
        let image = (0..<shape[1]).reduce(0.0) { $0 + matrix[i * shape[1] + $1] * right[$1] }
        #expect(abs(image - found.values[k] * left[i]) <= 1e-13 * found.values[0])
      }
      for other in 0...k {
        let expected = other == k ? 1.0 : 0
        #expect(abs(Sums.dot(left, found.left[other]) - expected) < 1e-13)
        #expect(abs(Sums.dot(right, found.right[other]) - expected) < 1e-13)
      }
    }
  }

  /// Each is the one entry of its row and column.
  @Test func `Values of very different sizes keep their digits`() throws {
    let file = try Self.file("matrices.safetensors")
    let elements: [Float] = try file.elements("graded", .float32)
    let found = try Self.decomposed(elements.map(Double.init), 7, 9).values
    let exact = elements.filter { $0 != 0 }.map(Double.init).sorted(by: >)
    for (value, exact) in zip(found, exact) { #expect(abs(value / exact - 1) < 1e-14) }
  }

  @Test func `The bits do not depend on the number of threads`() throws {
    let random = Philox(seed: 3)
    let matrix = (0..<90 * 17).map { random.normals(stream: 9, index: UInt64($0)).0 }
    let one = try Self.decomposed(matrix, 90, 17, threads: Threads(1))
    let many = try Self.decomposed(matrix, 90, 17)
    #expect(one.values == many.values && one.left == many.left && one.right == many.right)
    // And the other way round.
    let turned = try SingularValues(rows: 17, columns: 90, leading: 3, threads: Threads(1)) {
      matrix[$1 * 17 + $0]
    }
    #expect(turned.values == one.values && turned.left == one.right && turned.right == one.left)
  }

  @Test func `A computation ends when it is told to`() {
    struct Stop: Error {}
    #expect(throws: Stop.self) {
      try SingularValues(rows: 4, columns: 4, leading: 1, threads: Threads(1), checkpoint: { throw Stop() }) {
        Double($0 * $1 + 1)
      }
    }
  }

  @Test(arguments: `Model fixtures`.names)
  func `Spectra of weights and changes are those of an independent implementation`(name: String) throws {
    let fixture = try `Model fixtures`.Fixture(name)
    guard let expected = fixture.facts["spectra"] else { return }
    let weights = Parameters(copying: fixture.weights)
    for parameter in weights.layout.parameters {
      for (j, value) in try fixture.values("step2.delta." + parameter.name).enumerated() {
        weights[parameter][j] += Float(value)
      }
    }
    let measured = try MeasuredSpectra(
      of: weights, since: fixture.weights, leading: 3, run: "a", step: 2, threads: ModelSamples.busyThreads(2)
    )
    let found = measured.spectra
    #expect(found.matrices.count == expected.object?.count)
    for matrix in found.matrices {
      let expected = try expected.member(matrix.name)
      func expect(_ spectrum: WeightSpectra.Spectrum, _ name: String) throws {
        let expected = try expected.member(name)
        for (value, key) in [
          (spectrum.norm, "norm"), (spectrum.spectralNorm, "spectral_norm"),
          (spectrum.stableRank, "stable_rank"), (spectrum.effectiveRank, "effective_rank"),
        ] {
          let (value, expected) = (try #require(value), try expected.number(key))
          #expect(abs(value / expected - 1) < 1e-13, "\(key) of \(matrix.name) is \(value), not \(expected)")
        }
      }
      func expect(_ overlap: WeightSpectra.Overlap?, _ name: String) throws {
        let (overlap, expected) = (try #require(overlap), try expected.member(name))
        #expect(abs(overlap.left - (try expected.number("left"))) < 1e-9, "\(name) of \(matrix.name)")
        #expect(abs(overlap.right - (try expected.number("right"))) < 1e-9, "\(name) of \(matrix.name)")
      }
      let change = try #require(matrix.change)
      try expect(matrix.weights, "weights")
      try expect(change.spectrum, "change")
      #expect(abs((change.relative ?? 0) / (try expected.number("relative")) - 1) < 1e-13)
      try expect(change.weightsOverlap, "weights_overlap")
      try expect(change.changeOverlap, "change_overlap")
    }
    #expect(try WeightSpectra(json: found.json) == found)
    var bytes: [UInt8] = []
    try measured.write { bytes += $0 }
    #expect(try SafetensorsFile(bytes).header.tensors.count == 3 * found.matrices.count)
  }

  @Test func `What does not change, and what is nothing, has no spectrum of changes`() throws {
    let model = ModelSamples.olmo
    let weights = ModelSamples.weights(model)
    weights["model.layers.0.mlp.up_proj.weight"]?.update(repeating: 0)
    let found = try MeasuredSpectra(
      of: weights, since: weights, leading: 2, run: "a", step: 0, threads: Threads(1)
    ).spectra
    for matrix in found.matrices {
      let change = try #require(matrix.change)
      #expect(change.spectrum.norm == 0 && change.spectrum.stableRank == nil && change.changeOverlap == nil)
      if matrix.role == "mlp.up_proj", matrix.layer == 0 {
        #expect(matrix.weights.effectiveRank == nil && change.relative == nil && change.weightsOverlap == nil)
      } else {
        #expect(change.relative == 0)
        let overlap = try #require(change.weightsOverlap)
        #expect(abs(overlap.left - 1) < 1e-12 && abs((overlap.aboveChance(of: matrix) ?? 0) - 1) < 1e-12)
      }
    }
    #expect(try WeightSpectra(json: found.json) == found)
    #expect(Set(found.matrices.map(\.role)).contains("self_attn.q_proj"))
    #expect(found.matrices[0].role == "embed_tokens" && found.matrices[0].layer == nil)
    let alone = try MeasuredSpectra(
      of: weights, since: nil, leading: 2, run: "a", step: 0, threads: Threads(1)
    ).spectra
    #expect(alone.matrices.allSatisfy { $0.change == nil } && alone.matrices.count == found.matrices.count)
  }

  /// Of random spaces, as the formula of chance says.
  @Test func `Spaces overlap by chance as their dimensions are to the whole`() throws {
    let random = Philox(seed: 11)
    let overlaps = try (0..<200).map { draw in
      let spaces = try (0..<2).map { place in
        try Self.decomposed(
          (0..<20 * 12).map { random.normals(stream: UInt32(2 * draw + place), index: UInt64($0)).0 }, 20, 12,
          threads: Threads(1))
      }
      return (
        SingularValues.overlap(spaces[0].left, spaces[1].left),
        SingularValues.overlap(spaces[0].right, spaces[1].right)
      )
    }
    #expect(abs(Sums.mean(overlaps.map(\.0)) - 3.0 / 20) < 0.015)
    #expect(abs(Sums.mean(overlaps.map(\.1)) - 3.0 / 12) < 0.02)
  }

  @Test func `Weights that are not finite, and another model, are refused`() throws {
    let weights = ModelSamples.weights(ModelSamples.olmo)
    func measure(_ weights: Parameters, _ initial: Parameters?) throws {
      _ = try MeasuredSpectra(of: weights, since: initial, leading: 2, run: "a", step: 0, threads: Threads(1))
    }
    #expect(throws: Failure.self) { try measure(weights, ModelSamples.weights(ModelSamples.gpt2)) }
    let broken = Parameters(copying: weights)
    broken.values[1] = Float.infinity
    #expect(throws: Failure.self) { try measure(broken, nil) }
    #expect(throws: Failure.self) { try measure(weights, broken) }
    #expect(throws: Failure.self) { try MeasuredSpectra.check("w", [100_000, SingularValues.mostSide + 1]) }
    #expect(throws: Never.self) { try MeasuredSpectra.check("w", [100_000, SingularValues.mostSide]) }
    #expect(throws: Never.self) { try WeightSpectra(json: ["run": "a", "step": 0, "matrices": []]) }
    #expect(throws: Failure.self) {
      try WeightSpectra(
        json: [
          "run": "a", "step": 0,
          "matrices": [["name": "w", "rows": 0, "columns": 1, "layer": nil, "leading": 1]],
        ])
    }
  }
}
