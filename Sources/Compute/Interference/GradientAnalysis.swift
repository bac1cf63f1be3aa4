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
    /// Below the last attention sum_i |g_ij| is estimated from a sample of tokens; sum_i g_ij, and what lies above, are
    /// exact. Sums of tokens that are not in the sample are incomplete. A row of an embedding meets so few tokens of a
    /// sample that its D would come out too small: parts with embeddings have none.
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
  public let embeddings: TokenGradients.Embeddings
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

extension TokenGradients {
  /// What follows from all batches until now.
  /// - Throws: if there was no token, or a gradient is not finite.
  public func result() throws(ComputeError) -> GradientAnalysis {
    guard count > 0 else { throw ComputeError(.unusable, "no token has a loss, so there is no gradient") }
    let layout = sums.layout
    let scale = sample.map { 1 / $0.share } ?? 1
    let whole = layout.parameters.map { parameter in
      let magnitudes = sums.magnitudes.map { ConstantFloats($0.start) + parameter.offset }
      let isEstimated = sample != nil && isSampled(parameter)
      return CoordinateSums(
        gradient: sums.gradient.start + parameter.offset, exact: isEstimated ? nil : magnitudes[0],
        halves: isEstimated ? magnitudes : [], scale: scale,
        delta: sums.delta.map { $0.start + parameter.offset }, count: parameter.count, threads: threads)
    }
    guard whole.allSatisfy(\.isFinite) else {
      throw ComputeError(
        .unusable, "the gradients of these tokens, or the changes, are not finite",
        remedy: "look at the losses of the checkpoint")
    }
    let tables = Set(
      layout.parameters.indices.filter {
        layout.parameters[$0].layer == nil && isSampled(layout.parameters[$0])
      })
    let estimated = Set(layout.parameters.indices.filter { isSampled(layout.parameters[$0]) })
    func part(_ name: String, _ isIncluded: (ParameterLayout.Parameter) -> Bool) -> GradientAnalysis.Part {
      let included = layout.parameters.indices.filter { isIncluded(layout.parameters[$0]) }
      var sum = CoordinateSums()
      var perToken = Array(repeating: TokenSums(), count: losses.count)
      for tensor in included {
        sum += whole[tensor]
        for token in perToken.indices { perToken[token] += sums.tokens[tensor][token] }
      }
      let followed = sample?.sampled ?? Array(perToken.indices)
      let change = followed.reduce(0.0) { $0 + abs(perToken[$1].participation) } * scale
      var found = GradientInterference(tokens: count, coordinates: sum, absoluteLossChange: change)
      if let sample {
        let errors = SamplingErrors(
          sample, sums: sums.tokens, whole: whole, estimated: estimated, tables: tables)
        found.noiseBias = errors.noiseBias(included)
        found.errors = errors.errors(included, of: found)
      }
      return GradientAnalysis.Part(name: name, interference: found, perToken: perToken)
    }
    return GradientAnalysis(
      method: isProxy ? .proxy : sample == nil ? .exact : .sampled, embeddings: embeddings,
      hasDelta: sums.delta != nil,
      sample: sample?.sampled.sorted() ?? [], losses: losses, model: part("model") { _ in true },
      modelWithoutEmbeddings: part("model_without_embeddings") { !$0.role.isEmbedding },
      layers: (0..<model.layers).map { layer in part("layer.\(layer)") { $0.layer == layer } },
      tensors: layout.parameters.map { parameter in part(parameter.name) { $0.name == parameter.name } })
  }

  /// Sum over i of |g_i|, or its estimate.
  func magnitude() -> Parameters {
    guard let sample else { return sums.magnitudes[0] }
    let sum = Parameters(copying: sums.magnitudes[0])
    for parameter in sums.layout.parameters where isSampled(parameter) {
      for (j, other) in sums.magnitudes[1][parameter].enumerated() {
        sum[parameter][j] = Float((Double(sum[parameter][j]) + Double(other)) / sample.share)
      }
    }
    return sum
  }

  /// Whether a tensor lies below the last attention, where each token's gradient is a sum over positions.
  private func isSampled(_ parameter: ParameterLayout.Parameter) -> Bool {
    guard let layer = parameter.layer else {
      return parameter.role == .embedding || parameter.role == .positions
    }
    guard layer == model.layers - 1, let last = transformer.parts.layers.last else { return true }
    let inputs = last.attention.inputs
    let matrix = inputs.weight..<inputs.weight + inputs.inputs * inputs.outputs
    return matrix.contains(parameter.offset)
      || [inputs.bias, last.attentionNorm.weight, last.attentionNorm.bias].contains(parameter.offset)
  }
}
