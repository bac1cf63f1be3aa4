public import JSON
public import System

/// What a result of `zsl.gradients` says of a checkpoint.
public struct GradientInterferenceResult: Sendable, Hashable {
  public let run: String
  public let step: Int
  /// D of the gradients without embeddings as the mean over coordinates, and what independent tokens would give.
  public let destructive, null: Double
  /// C_g, C_(u,g) and C_(u,G) without embeddings; nil where no change of the parameters was given.
  public let overTokens, overCoordinates, ofSum: Double?
  /// D of each layer.
  public let layers: [Double]

  public init(json: JSON) throws(Failure) {
    run = try json.text("run")
    step = try json.whole("step")
    let part = try json.member("model_without_embeddings")
    destructive = try part.number("D")
    null = try part.number("D_null")
    overTokens = try part.optionalNumber("C_g")
    overCoordinates = try part.optionalNumber("C_ug")
    ofSum = try part.optionalNumber("C_uG")
    var layers: [Double] = []
    for layer in try json.list("layers") { layers.append(try layer.number("D")) }
    self.layers = layers
  }
}
