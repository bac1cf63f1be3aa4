public import JSON
public import System

/// What a result of `zsl.gradients` says of a checkpoint.
public struct GradientInterferenceResult: Sendable {
  public let run: String
  public let step: Int
  /// D of the gradients without embeddings as the mean over coordinates, and what random signs would make of it.
  public let destructive, null: Double
  /// The standard error of D, where tokens were sampled.
  public let destructiveError: Double?
  /// Over draws of random signs for the tokens: mean and standard deviation of D. Nil where none were drawn.
  public let drawn: (count: Int, mean: Double, deviation: Double)?
  /// C_g, C_(u,g) and C_(u,G) without embeddings; nil where no change of the parameters was given.
  public let overTokens, overCoordinates, ofSum: Double?
  /// What random signs would make of each of them.
  public let overTokensNull, overCoordinatesNull, ofSumNull: Double?
  /// D of each layer.
  public let layers: [Double]

  /// As `zsl.gradients` draws them.
  private static let mostDraws = 1 << 20

  public init(json: JSON) throws(Failure) {
    run = try json.text("run")
    step = try json.whole("step")
    let part = try json.member("model_without_embeddings")
    destructive = try part.number("D")
    null = try part.number("D_null")
    destructiveError = try part.optionalNumber("D_error")
    if let draws = json["random_signs"] {
      let count = try draws.whole("draws")
      guard (1...GradientInterferenceResult.mostDraws).contains(count) else {
        throw Failure(
          .malformed,
          "\"random_signs\" is of \(count) draws, which are 1 to \(GradientInterferenceResult.mostDraws)")
      }
      drawn = (count, try draws.number("D"), try draws.number("D_deviation"))
    } else {
      drawn = nil
    }
    overTokens = try part.optionalNumber("C_g")
    overCoordinates = try part.optionalNumber("C_ug")
    ofSum = try part.optionalNumber("C_uG")
    overTokensNull = try part.optionalNumber("C_g_null")
    overCoordinatesNull = try part.optionalNumber("C_ug_null")
    ofSumNull = try part.optionalNumber("C_uG_null")
    var layers: [Double] = []
    for layer in try json.list("layers") {
      let d = try layer.number("D")
      // From 0 to 1, but for the bias of a sample.
      guard (-1...2).contains(d) else {
        throw Failure(.malformed, "\(d) is no \"D\" of a layer, which lies between 0 and 1")
      }
      layers.append(d)
    }
    self.layers = layers
  }

  /// The probability of a D at least as far from the mean of the draws where signs are random: D is one more draw then,
  /// of which the sample's error may be a part (Student's t, two-sided). Nil where nothing tells the spread.
  public var probabilityByChance: Double? {
    guard let drawn, drawn.count > 1 else { return nil }
    let error = destructiveError ?? 0
    let variance = drawn.deviation * drawn.deviation * (1 + 1 / Double(drawn.count)) + error * error
    guard variance > 0, variance.isFinite else { return nil }
    return StudentT.tails(
      beyond: (destructive - drawn.mean) / variance.squareRoot(), degrees: drawn.count - 1)
  }
}
