/// Sums over parameters of one token's gradient g_j and of p_j = g_j delta_j.
public struct TokenSums: Sendable, Hashable {
  /// Of p_j: the first-order change of the token's loss, in nats.
  public var participation = 0.0
  /// Of |p_j|, |g_j| and g_j^2.
  public var absoluteParticipation = 0.0
  public var l1Norm = 0.0
  public var squaredNorm = 0.0

  static func += (a: inout TokenSums, b: TokenSums) {
    a.participation += b.participation
    a.absoluteParticipation += b.absoluteParticipation
    a.l1Norm += b.l1Norm
    a.squaredNorm += b.squaredNorm
  }
}

/// The interference of tokens' gradients in a model, as a whole and in its parts. All methods give it.
public struct GradientAnalysis: Sendable, Hashable {
  public enum Method: String, Sendable, CaseIterable {
    /// Every token's own gradient.
    case exact
  }

  /// Part of a model: its interference, and the sums of each token over it.
  public struct Part: Sendable, Hashable {
    /// Of a tensor its name; otherwise `model`, `model_without_embeddings` or `layer.3`.
    public let name: String
    public let interference: GradientInterference
    public let perToken: [TokenSums]
  }

  public let method: Method
  public let embeddings: TokenGradients.Embeddings
  /// Whether changes of the parameters were given. Without them there is no participation.
  public let hasDelta: Bool
  /// Of each token in nats; 0 where it has none.
  public let losses: [Float]
  /// With and without embeddings, learned positions and output matrix.
  public let model, modelWithoutEmbeddings: Part
  public let layers, tensors: [Part]
}

extension TokenGradients {
  /// What follows from all batches until now.
  /// - Throws: if there was no token, or a gradient is not finite.
  public func result() throws(ComputeError) -> GradientAnalysis {
    guard count > 0 else { throw ComputeError(.unusable, "no token has a loss, so there is no gradient") }
    let layout = sums.layout
    let coordinates = layout.parameters.map { parameter in
      CoordinateSums(
        gradient: sums.gradient.start + parameter.offset, magnitude: sums.magnitude.start + parameter.offset,
        delta: sums.delta.map { $0.start + parameter.offset }, count: parameter.count, threads: threads)
    }
    guard coordinates.allSatisfy({ $0.magnitude.isFinite && $0.participationMagnitude.isFinite }) else {
      throw ComputeError(
        .unusable, "the gradients of these tokens, or the changes, are not finite",
        remedy: "look at the losses of the checkpoint")
    }
    func part(_ name: String, _ isIncluded: (ParameterLayout.Parameter) -> Bool) -> GradientAnalysis.Part {
      var sum = CoordinateSums()
      var perToken = Array(repeating: TokenSums(), count: losses.count)
      for (index, parameter) in layout.parameters.enumerated() where isIncluded(parameter) {
        sum += coordinates[index]
        for token in perToken.indices { perToken[token] += sums.tokens[index][token] }
      }
      let change = perToken.reduce(0.0) { $0 + abs($1.participation) }
      return GradientAnalysis.Part(
        name: name,
        interference: GradientInterference(tokens: count, coordinates: sum, absoluteLossChange: change),
        perToken: perToken)
    }
    return GradientAnalysis(
      method: .exact, embeddings: embeddings, hasDelta: sums.delta != nil, losses: losses,
      model: part("model") { _ in true },
      modelWithoutEmbeddings: part("model_without_embeddings") { !$0.role.isEmbedding },
      layers: (0..<model.layers).map { layer in part("layer.\(layer)") { $0.layer == layer } },
      tensors: layout.parameters.map { parameter in part(parameter.name) { $0.name == parameter.name } })
  }
}
