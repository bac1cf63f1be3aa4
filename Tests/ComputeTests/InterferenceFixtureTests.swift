import JSON
import Safetensors
import Testing

@testable import Compute

/// Interference in models of which an independent implementation back-propagated every token by itself.
@Suite struct `Interference fixtures` {
  private static let names = `Model fixtures`.names
  private static let cases = names.flatMap { name in
    TokenGradientAccumulator.Embeddings.allCases.map { (name, $0) }
  }

  @Test(arguments: cases)
  func `The exact method gives every expected quantity`(
    name: String, embeddings: TokenGradientAccumulator.Embeddings
  ) throws {
    let fixture = try `Model fixtures`.Fixture(name)
    guard let expected = try fixture.facts.member("token_grad")[embeddings.rawValue] else {
      return #expect(!fixture.model.isTied && embeddings == .tied)
    }
    let delta = Parameters(fixture.model)
    for parameter in delta.layout.parameters {
      let values = try fixture.values("step2.delta." + parameter.name)
      for (j, value) in values.enumerated() { delta[parameter][j] = Float(value) }
    }
    let gradients = TokenGradientAccumulator(
      weights: fixture.weights, delta: delta, embeddings: embeddings, threads: ModelSamples.busyThreads(2))
    try gradients.add(try fixture.batch("input_ids", "labels"))
    let result = try gradients.result()
    #expect(Double(gradients.count) == (try expected.number("N")))

    let all = try noise(fixture, result)
    try expect(result.model, try expected.member("model"), all)
    try expect(result.modelWithoutEmbeddings, try expected.member("model_no_embedding"), all)
    let tensors = try expected.member("per_param")
    for tensor in result.tensors {
      try expect(tensor, try tensors.member(tensor.name), try noise(fixture, tensor.name))
    }
    for (part, prefix) in [(result.model, ""), (result.modelWithoutEmbeddings, "no_embedding.")] {
      for (vector, member) in [
        ("sum_j_p", \TokenSums.participation), ("sum_j_abs_p", \.absoluteParticipation), ("l1_g", \.l1Norm),
        ("l2sq_g", \.squaredNorm),
      ] {
        let distance = `Model fixtures`.distance(
          part.perToken.map { $0[keyPath: member] },
          try fixture.values("\(embeddings).\(prefix)\(vector)"))
        #expect(distance < 1e-5, "\(vector) of \(part.name) is off by \(distance)")
      }
    }
    guard embeddings == .split else { return }
    for parameter in gradients.sums.layout.parameters {
      let distance = `Model fixtures`.distance(
        gradients.sums.magnitude[parameter].map(Double.init),
        try fixture.values("split.sum_abs_g." + parameter.name))
      #expect(distance < 1e-5, "sum_i |g| of \(parameter.name) is off by \(distance)")
      let histogram: [Int32] = try fixture.expected.elements("split.C_hist." + parameter.name, .int32)
      let found = result.tensors.first { $0.name == parameter.name }?.interference.coordinates.histogram ?? []
      let moved = zip(histogram, found).reduce(0) { $0 + abs(Int($1.0) - $1.1) }
      // Rounding moves a coordinate on the border of two bins.
      #expect(moved <= 2 + 2 * (try noise(fixture, parameter.name)), "\(moved) of \(parameter.name)")
    }
  }

  @Test(arguments: names)
  func `The proxy gives every expected quantity`(name: String) throws {
    let fixture = try `Model fixtures`.Fixture(name)
    let gradients = TokenGradientAccumulator(weights: fixture.weights, threads: ModelSamples.busyThreads(2))
    try gradients.addProxy(try fixture.batch("input_ids", "labels"))
    let result = try gradients.result()
    #expect(result.method == .proxy)
    let expected = try fixture.facts.member("proxy")
    var parts = [(result.model, try expected.member("model"))]
    parts.append((result.modelWithoutEmbeddings, try expected.member("model_no_embedding")))
    for tensor in result.tensors {
      parts.append((tensor, try expected.member("per_param").member(tensor.name)))
    }
    let all = try noise(fixture, result)
    for (part, expected) in parts {
      let sums = part.interference.coordinates
      let noise = part.name.hasPrefix("model_") || part.name == "model" ? all : try noise(fixture, part.name)
      #expect(Double(sums.touched) == (try expected.number("touched")))
      #expect(abs(sums.magnitude / (try expected.number("sum_den")) - 1) < 1e-5, "\(part.name)")
      #expect(
        abs(part.interference.destructive / (try expected.number("D_mean_touched")) - 1)
          < 1e-5 + Double(noise) / Double(sums.touched), "\(part.name)")
      if let null = expected["D_null"]?.double {
        #expect(
          abs(part.interference.destructiveNull - null) < 1e-5 + Double(noise) / Double(sums.touched),
          "\(part.name)")
      }
      #expect(abs(part.interference.pooledDestructive / (try expected.number("D_pooled")) - 1) < 1e-5)
    }
  }

  private func noise(_ fixture: `Model fixtures`.Fixture, _ name: String) throws -> Int {
    try fixture.noise(name).count { $0 }
  }

  private func noise(_ fixture: `Model fixtures`.Fixture, _ result: ModelInterference) throws -> Int {
    try result.tensors.reduce(0) { $0 + (try noise(fixture, $1.name)) }
  }

  private func expect(_ part: ModelInterference.Part, _ expected: JSON, _ noise: Int) throws {
    let found = part.interference
    let sums = found.coordinates
    let n = Double(found.tokens)
    #expect(Double(sums.coordinates) == (try expected.number("n_coord")))
    #expect(Double(sums.touched) == (try expected.number("n_coord_touched")))
    /// Within 1e-5 of the value, or of what it is a part of.
    func expect(_ value: Double, _ key: String, of whole: Double = 0, extra: Double = 0) throws {
      let expected = try expected.number(key)
      let difference = abs(value - expected)
      #expect(
        difference <= 1e-5 * max(abs(expected), whole) + extra,
        "\(key) of \(part.name) is \(value), not \(expected)")
    }
    try expect(sums.gradient, "sum_j_sum_i_g", of: sums.absoluteGradient)
    try expect(sums.magnitude, "sum_j_sum_i_abs_g")
    try expect(sums.participation, "sum_j_sum_i_p", of: sums.absoluteParticipation)
    try expect(sums.absoluteParticipation, "sum_j_abs_sum_i_p")
    try expect(sums.participationMagnitude, "sum_j_sum_i_abs_p")
    try expect(found.absoluteLossChange, "sum_i_abs_sum_j_p")
    try expect(found.constructiveOverTokens, "C_g")
    try expect(found.constructiveOverCoordinates, "C_ug")
    try expect(found.constructiveOfSum, "C_uG", of: 1)
    try expect(found.constructiveOfLosses, "C_i_dli", of: 1)
    try expect(found.meanAbsoluteLossChange, "M_i_dli")
    try expect(sums.squaredDelta, "l2sq_delta")
    try expect(sums.absoluteDelta, "l1_delta")
    try expect(sums.squaredGradient / n / n, "l2sq_G")
    try expect(sums.absoluteGradient / n, "l1_G")
    let share = Double(noise) / Double(sums.touched)
    try expect(found.destructive, "D_mean_touched", extra: share)
    try expect(found.pooledDestructive, "D_pooled")
    try expect(found.binnedDestructive, "D_hist100", extra: share + 0.02 / Double(sums.touched))
    // What chance leaves; exactly, over all patterns of signs, it is a few percent of C more or less.
    if expected["D_null"] != nil {
      try expect(found.destructiveNull, "D_null", extra: share)
      try expect(found.pooledDestructiveNull, "D_pooled_null")
      try expect(found.constructiveOverTokensNull, "C_g_null")
      try expect(found.constructiveOverCoordinatesNull, "C_ug_null")
      try expect(found.constructiveOfSumNull, "C_uG_null")
      try expect(found.constructiveOfLossesNull, "C_dl_null", of: 1)
      let exact = [
        (1 - found.destructiveNull, 1 - (try expected.number("D_exact_null"))),
        (found.constructiveOverTokensNull, try expected.number("C_g_exact_null")),
        (found.constructiveOfLossesNull, try expected.number("C_dl_exact_null")),
      ]
      // Of a single sum the error is larger than of a mean over many.
      for (place, (value, key)) in exact.enumerated() {
        let tolerance = place < 2 && (part.name == "model" || part.name.hasPrefix("model_")) ? 0.04 : 0.15
        #expect(abs(value / key - 1) < tolerance + share, "\(part.name): \(value) instead of \(key)")
      }
    }
    #expect(
      abs(
        found.constructiveOfLosses - found.constructiveOverTokens * found.constructiveOfSum
          / found.constructiveOverCoordinates) < 1e-12)
  }
}
