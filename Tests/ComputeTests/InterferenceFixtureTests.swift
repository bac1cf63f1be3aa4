import JSON
import Safetensors
import Testing

@testable import Compute

/// Interference in models of which an independent implementation back-propagated every token by itself.
@Suite struct `Interference fixtures` {
  private static let names = ["olmo_tied", "olmo_untied_affine", "gpt2_tied"]
  private static let cases = names.flatMap { name in
    TokenGradientAccumulator.Embeddings.allCases.map { (name, $0) }
  }

  @Test(.enabled(if: `Model fixtures`.isThere), arguments: cases)
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

    try expect(result.model, try expected.member("model"), name)
    try expect(result.modelWithoutEmbeddings, try expected.member("model_no_embedding"), name)
    let tensors = try expected.member("per_param")
    for tensor in result.tensors { try expect(tensor, try tensors.member(tensor.name), name) }
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
      #expect(moved <= 2 + 2 * noise(parameter.name), "\(moved) of \(parameter.name)")
    }
  }

  @Test(.enabled(if: `Model fixtures`.isThere), arguments: names)
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
    for (part, expected) in parts {
      let sums = part.interference.coordinates
      let noise = part.name.hasPrefix("model") && name == "gpt2_tied" ? 64 : noise(part.name)
      #expect(Double(sums.touched) == (try expected.number("touched")))
      #expect(abs(sums.magnitude / (try expected.number("sum_den")) - 1) < 1e-5, "\(part.name)")
      #expect(
        abs(part.interference.destructive / (try expected.number("D_mean_touched")) - 1)
          < 1e-5 + Double(noise) / Double(sums.touched), "\(part.name)")
      #expect(abs(part.interference.pooledDestructive / (try expected.number("D_pooled")) - 1) < 1e-5)
    }
  }

  @Test(.enabled(if: `Model fixtures`.isThere), arguments: names)
  func `Gradients of sequences have the expected norms and cosines`(name: String) throws {
    let fixture = try `Model fixtures`.Fixture(name)
    let found = try SequenceGradientAgreement(
      of: try fixture.batch("input_ids", "labels"), weights: fixture.weights,
      threads: ModelSamples.busyThreads(2))
    let expected = try fixture.facts.member("seq")
    #expect(`Model fixtures`.distance(found.norms, try fixture.values("seq.l2_norm")) < 1e-5)
    #expect(`Model fixtures`.distance(found.cosines.flatMap(\.self), try fixture.values("seq.cosine")) < 1e-5)
    let noise = name == "gpt2_tied" ? 64.0 / 35_000 : 0
    #expect(abs(found.destructive / (try expected.number("D_mean_touched")) - 1) < 1e-5 + noise)
    #expect(
      abs(found.destructiveWithoutEmbeddings / (try expected.number("D_mean_touched_no_embedding")) - 1)
        < 1e-5 + noise)
    // Of g_1 ... g_B: sum |g|^2 / |sum g|^2, the latter from all cosines.
    let norms = found.norms
    var square = 0.0
    for a in norms.indices { for b in norms.indices { square += norms[a] * norms[b] * found.cosines[a][b] } }
    #expect(abs(found.diversity * square / norms.reduce(0) { $0 + $1 * $1 } - 1) < 1e-6)
    #expect((found.noiseScale ?? 1) > 0)
  }

  /// Coordinates of a tensor without a gradient: a bias of GPT-2's keys raises all scores of a query alike. What stands in
  /// its place, there and here, are rounding errors.
  private func noise(_ name: String) -> Int { name.hasSuffix("c_attn.bias") ? 32 : 0 }

  private func expect(_ part: ModelInterference.Part, _ expected: JSON, _ fixture: String) throws {
    let found = part.interference
    let sums = found.coordinates
    let n = Double(found.tokens)
    let noise = part.name.hasPrefix("model") && fixture == "gpt2_tied" ? 64 : noise(part.name)
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
    #expect(
      abs(
        found.constructiveOfLosses - found.constructiveOverTokens * found.constructiveOfSum
          / found.constructiveOverCoordinates) < 1e-12)
  }
}
