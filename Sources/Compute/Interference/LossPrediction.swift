internal import Safetensors
public import System

/// What an update changes the losses of single tokens by: to first order, sum_j p_ij = sum_j g_ij Delta_j of each token's
/// gradient g_i and the changes Delta of the parameters (Mircea et al. 2025, arXiv 2506.05447), and as measured, l_i after
/// the update minus l_i before it. Both in nats, on the batch that the update was made from.
public struct LossPrediction: Sendable {
  /// Of each token.
  public let predicted, measured: [Double]

  /// - Throws: if there is no token, the two are not of the same tokens, or a number is not finite or absurdly large.
  public init(predicted: [Double], measured: [Double]) throws(Failure) {
    guard predicted.count == measured.count, !measured.isEmpty else {
      throw Failure(
        .unusable, "\(predicted.count) tokens' changes are predicted, and \(measured.count) measured",
        hint: Self.sameTokens)
    }
    for (name, values) in [("predicted", predicted), ("measured", measured)] {
      // The negation holds for what is not a number, too. Squares of what is left can be summed.
      if let token = values.firstIndex(where: { !($0.magnitude < 1e100) }) {
        throw Failure(
          .unusable, "the \(name) change of the loss of token \(token) is \(values[token])",
          hint: "look at the losses of the checkpoint and at the learning rate of the update")
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
  public init(gradients: [UInt8], losses: [UInt8], batch: Int) throws(Failure) {
    let gradients = try Self.file(gradients, "gradients of tokens", from: "zsl.gradients")
    let losses = try Self.file(losses, "losses of updates", from: "zsl.step")
    for file in [gradients, losses] { try LossUnitText.requireNats(file.header.metadata) }
    let before = try losses.row(batch, of: "train.before")
    let after = try losses.row(batch, of: "train.after")
    let own = try gradients.losses()
    guard own.count == before.count, after.count == before.count else {
      throw Failure(
        .unusable, "the gradients are of \(own.count) tokens, and the update of \(before.count)",
        hint: Self.sameTokens)
    }
    for (token, pair) in zip(own, before).enumerated() {
      let (a, b) = (Double(pair.0), Double(pair.1))
      // Far above what roundings of a forward pass amount to, and far below what tokens differ by.
      guard (a - b).magnitude <= 1e-4 * max(1, b.magnitude) else {
        throw Failure(
          .unusable,
          "the loss of token \(token) before the update is \(pair.0) where gradients were measured and \(pair.1) "
            + "where the update was made, so they are not of the same tokens and weights",
          hint: Self.sameTokens)
      }
    }
    try self.init(
      predicted: gradients.predictions(),
      measured: zip(before, after).map { Double($1) - Double($0) })
  }

  private static func file(
    _ bytes: [UInt8], _ what: String, from operation: String
  ) throws(Failure) -> SafetensorsFile {
    do { return try SafetensorsFile(bytes) } catch {
      throw Failure(
        .malformed, "these are no \(what): \(error.headline)", hint: "make them with \(operation)",
        cause: error)
    }
  }
}

extension SafetensorsFile {
  /// Losses of one batch of updates, from 1.
  fileprivate func row(_ batch: Int, of name: String) throws(Failure) -> ArraySlice<Float> {
    guard let shape = descriptor(name)?.shape, shape.count == 2, shape[1] > 0,
      let values: [Float] = try? elements(name, .float32)
    else {
      throw Failure(
        .malformed, "the losses have no '\(name)' of batches and tokens in float32",
        hint: "give the output 'losses' of zsl.step")
    }
    guard batch >= 1, batch <= shape[0] else {
      throw Failure(
        .unusable, "there are updates on \(shape[0]) batches, so there is no batch \(batch)",
        hint: "give the number of one of them, from 1")
    }
    let row = values[(batch - 1) * shape[1]..<batch * shape[1]]
    try LossCheck.check(row)
    return row
  }

  fileprivate func losses() throws(Failure) -> [Float] {
    guard descriptor("losses")?.shape.count == 1, let values: [Float] = try? elements("losses", .float32)
    else {
      throw Failure(
        .malformed, "the gradients have no 'losses' of tokens in float32",
        hint: "give the output 'tokens' of zsl.gradients")
    }
    try LossCheck.check(values)
    return values
  }

  fileprivate func predictions() throws(Failure) -> [Double] {
    guard descriptor("l1_g") != nil else {
      throw Failure(
        .unusable, "the gradients have no sums of single tokens, as those of the method proxy",
        hint: "measure them with the method exact or sampled")
    }
    guard let shape = descriptor("sum_p")?.shape else {
      throw Failure(
        .unusable,
        "the gradients predict no change, because zsl.gradients was given no changes of parameters",
        hint: "give it the member of the output 'deltas' of zsl.step that the losses are of, as 'delta'")
    }
    guard shape.count == 1 else {
      throw Failure(
        .malformed, "the tensor 'sum_p' has the shape \(shape), and not one dimension",
        hint: "give the output 'tokens' of zsl.gradients")
    }
    do { return try elements("sum_p", .float64) } catch {
      throw Failure(
        .malformed, "\(error.headline)", hint: "give the output 'tokens' of zsl.gradients",
        cause: error)
    }
  }
}
