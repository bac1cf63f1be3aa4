/// Sums over parameters of one token's gradient g_j and of p_j = g_j delta_j.
public struct TokenSums: Sendable, Hashable {
  /// Of p_j: the first-order change of the token's loss, in nats.
  public var participation = 0.0
  /// Of |p_j|, |g_j| and g_j^2.
  public var absoluteParticipation = 0.0
  public var l1Norm = 0.0
  public var squaredNorm = 0.0
  /// Of p_j^2.
  var squaredParticipation = 0.0
  /// What the token has to do with sum_j |G_j| / A_j, where that is estimated from a sample: sum_j w_j |g_j|, with weights of
  /// which the sum over all tokens is about the number of tokens; 0 where it is not known.
  var influence = 0.0

  static func += (a: inout TokenSums, b: TokenSums) {
    a.participation += b.participation
    a.absoluteParticipation += b.absoluteParticipation
    a.l1Norm += b.l1Norm
    a.squaredNorm += b.squaredNorm
    a.squaredParticipation += b.squaredParticipation
    a.influence += b.influence
  }
}

/// The interference of tokens' gradients in a model, as a whole and in its parts. All methods give it.
public struct ModelInterference: Sendable, Hashable {
  public enum Method: String, Sendable, CaseIterable {
    /// Every token's own gradient.
    case exact
    /// Below the last attention sum_i |g_ij| is estimated from a sample of tokens; sum_i g_ij, and what lies above, are
    /// exact, and so is the first-order change sum_j p_ij of every token's loss over the model with and without embeddings.
    /// All other sums over parameters are those of the tokens of the sample alone.
    case sampled
    /// Every position's part of the gradient of the summed loss: cheap, and something else. There are no sums of tokens,
    /// and no quantity that needs them.
    case proxy
  }

  /// Part of a model: its interference, and the sums of each token over it.
  public struct Part: Sendable, Hashable {
    /// Of a tensor its name; otherwise `model`, `model_without_embeddings` or `layer.3`.
    public let name: String
    public let interference: GradientInterference
    public let perToken: [TokenSums]
  }

  public let method: Method
  public let embeddings: TokenGradientAccumulator.Embeddings
  /// Whether changes of the parameters were given. Without them there is no participation.
  public let hasDelta: Bool
  /// The tokens whose gradients were followed through the whole model.
  public let sample: [Int]
  /// Of each token in nats; 0 where it has none.
  public let losses: [Float]
  /// With and without embeddings, learned positions and output matrix.
  public let model, modelWithoutEmbeddings: Part
  public let layers, tensors: [Part]
}
