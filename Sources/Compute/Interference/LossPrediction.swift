internal import Safetensors

/// What an update changes the losses of single tokens by: to first order, sum_j p_ij = sum_j g_ij Delta_j of each token's
/// gradient g_i and the changes Delta of the parameters (Mircea et al. 2025, arXiv 2506.05447), and as measured, l_i after
/// the update minus l_i before it. Both in nats, on the batch that the update was made from.
public struct LossPrediction: Sendable {
  /// Of each token.
  public let predicted, measured: [Double]

  /// - Throws: if there is no token, the two are not of the same tokens, or a number is not finite or absurdly large.
  public init(predicted: [Double], measured: [Double]) throws(ComputeError) {
    guard predicted.count == measured.count, !measured.isEmpty else {
      throw ComputeError(
        .unusable, "\(predicted.count) tokens' changes are predicted, and \(measured.count) measured",
        remedy: Self.sameTokens)
    }
    for (name, values) in [("predicted", predicted), ("measured", measured)] {
      // The negation holds for what is not a number, too. Squares of what is left can be summed.
      if let token = values.firstIndex(where: { !($0.magnitude < 1e100) }) {
        throw ComputeError(
          .unusable, "the \(name) change of the loss of token \(token) is \(values[token])",
          remedy: "look at the losses of the checkpoint and at the learning rate of the update")
      }
    }
    self.predicted = predicted
    self.measured = measured
  }

  static let sameTokens =
    "give zsl.gradients the checkpoint, the tokens, the context and the data_seed of zsl.step, as many sequences as "
    + "its batch, and the checkpoint's step (for its batch 2 the step after it, and so on)"

  // MARK: Safetensors

  /// - Parameters:
  ///   - gradients: the output `tokens` of `zsl.gradients`.
  ///   - losses: the output `losses` of `zsl.step`.
  ///   - batch: of the updates in `losses`, from 1.
  /// - Throws: if the bytes are not those, no changes are predicted in them, or they are not of the same tokens.
  public init(gradients: [UInt8], losses: [UInt8], batch: Int) throws(ComputeError) {
    let gradients = try Self.file(gradients, "gradients of tokens", from: "zsl.gradients")
    let losses = try Self.file(losses, "losses of updates", from: "zsl.step")
    let before = try losses.row(batch, of: "train.before")
    let after = try losses.row(batch, of: "train.after")
    let own = try gradients.losses()
    guard own.count == before.count, after.count == before.count else {
      throw ComputeError(
        .unusable, "the gradients are of \(own.count) tokens, and the update of \(before.count)",
        remedy: Self.sameTokens)
    }
    for (token, pair) in zip(own, before).enumerated() {
      let (a, b) = (Double(pair.0), Double(pair.1))
      // Far above what roundings of a forward pass amount to, and far below what tokens differ by.
      guard (a - b).magnitude <= 1e-4 * max(1, b.magnitude) else {
        throw ComputeError(
          .unusable,
          "the loss of token \(token) before the update is \(pair.0) where gradients were measured and \(pair.1) "
            + "where the update was made, so they are not of the same tokens and weights",
          remedy: Self.sameTokens)
      }
    }
    try self.init(
      predicted: gradients.predictions(),
      measured: zip(before, after).map { Double($1) - Double($0) })
  }

  private static func file(
    _ bytes: [UInt8], _ what: String, from operation: String
  ) throws(ComputeError) -> SafetensorsFile {
    do { return try SafetensorsFile(bytes) } catch {
      throw ComputeError(.malformed, "these are no \(what): \(error)", remedy: "make them with \(operation)")
    }
  }
}

extension SafetensorsFile {
  /// Losses of one batch of updates, from 1.
  fileprivate func row(_ batch: Int, of name: String) throws(ComputeError) -> ArraySlice<Float> {
    guard let shape = descriptor(name)?.shape, shape.count == 2, shape[1] > 0,
      let values: [Float] = try? elements(name, .float32)
    else {
      throw ComputeError(
        .malformed, "the losses have no '\(name)' of batches and tokens in float32",
        remedy: "give the output 'losses' of zsl.step")
    }
    guard batch >= 1, batch <= shape[0] else {
      throw ComputeError(
        .unusable, "there are updates on \(shape[0]) batches, so there is no batch \(batch)",
        remedy: "give the number of one of them, from 1")
    }
    return values[(batch - 1) * shape[1]..<batch * shape[1]]
  }

  fileprivate func losses() throws(ComputeError) -> [Float] {
    guard descriptor("losses")?.shape.count == 1, let values: [Float] = try? elements("losses", .float32)
    else {
      throw ComputeError(
        .malformed, "the gradients have no 'losses' of tokens in float32",
        remedy: "give the output 'tokens' of zsl.gradients")
    }
    return values
  }

  fileprivate func predictions() throws(ComputeError) -> [Double] {
    guard descriptor("l1_g") != nil else {
      throw ComputeError(
        .unusable, "the gradients have no sums of single tokens, as those of the method proxy",
        remedy: "measure them with the method exact or sampled")
    }
    guard descriptor("sum_p") != nil else {
      throw ComputeError(
        .unusable,
        "the gradients predict no change, because zsl.gradients was given no changes of parameters",
        remedy: "give it the member of the output 'deltas' of zsl.step that the losses are of, as 'delta'")
    }
    do { return try elements("sum_p", .float64) } catch {
      throw ComputeError(
        .malformed, "\(error)", remedy: "give the output 'tokens' of zsl.gradients")
    }
  }
}
