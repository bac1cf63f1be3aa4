public import JSON
internal import Safetensors

extension ModelInterference {
  /// All but the sums of each token. Quantities that are not defined (no change was given, or a denominator is zero) are
  /// left out, and so is a D of which a sample does not tell the error.
  public var json: JSON {
    [
      "method": .string(method.rawValue), "embeddings": .string(embeddings.rawValue),
      "tokens": .integer(Int64(model.interference.tokens)),
      "tokens_followed": .integer(Int64(method == .sampled ? sample.count : model.interference.tokens)),
      "model": json(model),
      "model_without_embeddings": json(modelWithoutEmbeddings), "layers": .array(layers.map(json)),
      "tensors": .array(tensors.map(json)),
      "null": [
        "C": .number(1 - model.interference.destructiveNull),
        "D": .number(model.interference.destructiveNull),
        "signs": "at random, all magnitudes kept",
        "formula":
          "C = mean over j of sqrt(2 q / pi) (1 + q / 6), q = sum_i g_ij^2 / (sum_i |g_ij|)^2, D = 1 - C; from q = 1/2 on the part of the largest term",
      ],
    ]
  }

  private func json(_ part: Part) -> JSON {
    let (found, sums) = (part.interference, part.interference.coordinates)
    let n = Double(found.tokens)
    var numbers = [
      "D": found.destructive, "D_histogram": found.binnedDestructive, "D_pooled": found.pooledDestructive,
      "D_null": found.destructiveNull, "D_pooled_null": found.pooledDestructiveNull, "sum_g": sums.gradient,
      "sum_abs_g": sums.magnitude,
      "l1_mean_gradient": sums.absoluteGradient / n, "l2sq_mean_gradient": sums.squaredGradient / n / n,
    ]
    if hasDelta {
      numbers.merge(
        [
          "C_g": found.constructiveOverTokens, "C_g_null": found.constructiveOverTokensNull,
          "C_ug": found.constructiveOverCoordinates, "C_ug_null": found.constructiveOverCoordinatesNull,
          "C_uG": found.constructiveOfSum, "C_uG_null": found.constructiveOfSumNull,
          "C_dl": found.constructiveOfLosses, "C_dl_null": found.constructiveOfLossesNull,
          "M_dl": found.meanAbsoluteLossChange,
          "sum_p": sums.participation, "sum_j_abs_sum_i_p": sums.absoluteParticipation,
          "sum_abs_p": sums.participationMagnitude, "sum_i_abs_sum_j_p": found.absoluteLossChange,
          "l1_delta": sums.absoluteDelta, "l2sq_delta": sums.squaredDelta,
        ]) { $1 }
    }
    if method == .proxy {
      for name in ["C_ug", "C_ug_null", "C_dl", "C_dl_null", "M_dl", "sum_i_abs_sum_j_p"] {
        numbers[name] = nil
      }
    }
    numbers.merge(errors(found)) { $1 }
    if let errors = found.errors, !errors.destructive.isFinite {
      for name in ["D", "D_histogram", "D_bias"] { numbers[name] = nil }
    }
    var members = numbers.filter { $0.value.isFinite }.mapValues { JSON.number($0) }
    members["name"] = .string(part.name)
    members["coordinates"] = .integer(Int64(sums.coordinates))
    members["touched"] = .integer(Int64(sums.touched))
    members["histogram"] = .array(sums.histogram.map { .integer(Int64($0)) })
    return .object(members)
  }

  private func errors(_ found: GradientInterference) -> [String: Double] {
    guard let errors = found.errors else { return [:] }
    var numbers = ["D_error": errors.destructive, "D_bias": found.noiseBias]
    if hasDelta {
      numbers["C_g_error"] = errors.constructiveOverTokens
      numbers["C_ug_error"] = errors.constructiveOverCoordinates
      numbers["C_dl_error"] = errors.constructiveOfLosses
      numbers["M_dl_error"] = errors.meanAbsoluteLossChange
    }
    return numbers
  }

  /// The sums of each token over the model and over the model without embeddings, as a safetensors file: `sum_p`,
  /// `sum_abs_p`, `l1_g`, `l2sq_g`, and the same after `without_embeddings.` (float64), `losses` (float32), and of a sample the tokens
  /// that are in it (`sample`, int64).
  public func writeTokens(to output: (UnsafeRawBufferPointer) throws -> Void) throws {
    var values: [String: [Double]] = [:]
    for (part, prefix) in [(model, ""), (modelWithoutEmbeddings, "without_embeddings.")]
    where method != .proxy {
      values[prefix + "l1_g"] = part.perToken.map(\.l1Norm)
      values[prefix + "l2sq_g"] = part.perToken.map(\.squaredNorm)
      if hasDelta {
        values[prefix + "sum_p"] = part.perToken.map(\.participation)
        values[prefix + "sum_abs_p"] = part.perToken.map(\.absoluteParticipation)
      }
    }
    var tensors = values.map { ($0.key, DType.float64, [$0.value.count]) }
    tensors.append(("losses", .float32, [losses.count]))
    if method == .sampled { tensors.append(("sample", .int64, [sample.count])) }
    try SafetensorsWriter(tensors).write(
      { tensor, emit in
        switch tensor.name {
        case "losses": try losses.withUnsafeBytes(emit)
        case "sample": try sample.withUnsafeBytes(emit)
        default: try values[tensor.name]?.withUnsafeBytes(emit)
        }
      }, to: output)
  }
}

extension TokenGradientAccumulator {
  /// Of each parameter the sum over tokens of the gradients' magnitudes, or its estimate, as a safetensors file.
  public func writeMagnitudes(to output: (UnsafeRawBufferPointer) throws -> Void) throws {
    try magnitude().write(to: output)
  }
}
