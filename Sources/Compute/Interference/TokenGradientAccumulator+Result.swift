internal import CKernels
public import System

extension TokenGradientAccumulator {
  /// What follows from all batches until now.
  /// - Throws: if there was no token, or a gradient is not finite.
  public func result() throws(Failure) -> ModelInterference {
    guard count > 0 else { throw Failure(.unusable, "no token has a loss, so there is no gradient") }
    let estimate = estimate
    let coordinates = coordinates(estimate)
    guard coordinates.allSatisfy(\.isFinite) else {
      throw Failure(
        .unusable, "the gradients of these tokens, or the changes, are not finite",
        hint: "look at the losses of the checkpoint")
    }
    let parameters = sums.layout.parameters
    let tables = sums.sampledTensors.filter { parameters[$0].role.isEmbedding }
    let errors = estimate.map {
      SamplingErrors(
        estimate: $0, sums: sums.tokens, coordinates: coordinates,
        estimated: sums.sampledTensors.filter { parameters[$0].role != .embedding || !sums.counted.isTied },
        tables: Dictionary(uniqueKeysWithValues: tables.map { ($0, unmet(parameters[$0])) }))
    }
    /// - Parameter changes: of each token over the whole part, where a sample tells them of every token.
    func part(
      _ name: String, changes: [Double] = [], _ isIncluded: (ParameterLayout.Parameter) -> Bool
    ) -> ModelInterference.Part {
      let included = parameters.indices.filter { isIncluded(parameters[$0]) }
      var sum = CoordinateSums()
      var perToken = Array(repeating: TokenSums(), count: losses.count)
      for tensor in included {
        sum += coordinates[tensor]
        for token in perToken.indices { perToken[token] += sums.tokens[tensor][token] }
      }
      for (token, change) in changes.enumerated() { perToken[token].participation = change }
      let knowsChanges = !changes.isEmpty || sums.sampledTensors.isDisjoint(with: included)
      func change(_ token: Int) -> Double { abs(perToken[token].participation) }
      func all(_ value: (Int) -> Double) -> Double { perToken.indices.reduce(0.0) { $0 + value($1) } }
      let changed = knowsChanges ? all : estimate?.sum ?? all
      var found = GradientInterference(
        tokens: count, coordinates: sum, absoluteLossChange: changed(change),
        squaredLossChange: changed { change($0) * change($0) },
        lossChangeChance: (estimate?.sum ?? all) {
          Chance.remainder(
            of: perToken[$0].absoluteParticipation, squares: perToken[$0].squaredParticipation,
            terms: sum.coordinates)
        })
      if let errors {
        found.noiseBias = errors.noiseBias(included)
        found.errors = errors.errors(included, of: found, knowsChanges: knowsChanges)
      }
      return ModelInterference.Part(name: name, interference: found, perToken: perToken)
    }
    return ModelInterference(
      method: isProxy ? .proxy : sample == nil ? .exact : .sampled, embeddings: embeddings,
      hasDelta: sums.hasDelta, sample: sample?.sampled.sorted() ?? [], losses: losses,
      model: part("model", changes: changes.all) { _ in true },
      modelWithoutEmbeddings: part("model_without_embeddings", changes: changes.withoutEmbeddings) {
        !$0.role.isEmbedding
      },
      layers: (0..<model.layers).map { layer in part("layer.\(layer)") { $0.layer == layer } },
      tensors: parameters.map { parameter in part(parameter.name) { $0.name == parameter.name } })
  }

  /// Sum over i of |g_i|, or its estimate.
  func magnitude() -> Parameters {
    guard let scale = estimate?.scale else { return sums.magnitude }
    let sum = Parameters(copying: sums.magnitude)
    for tensor in sums.sampledTensors {
      let parameter = sums.layout.parameters[tensor]
      let halves = sums.halves.map { $0[parameter] }
      for j in 0..<parameter.count {
        let half = Double(halves[0][j]) + Double(halves[1][j])
        sum[parameter][j] = Float(
          max(abs(Double(sums.gradient[parameter][j])), Double(sum[parameter][j]) + scale * half))
      }
    }
    return sum
  }

  /// Nil if every token was followed.
  private var estimate: RatioEstimate? { sample.map { RatioEstimate($0, reach: reach) } }

  /// Of each token the l1 norm of its gradient in what lies above the attention of the last layer, which is known of all.
  private var reach: [Double] {
    var norms = [Double](repeating: 0, count: losses.count)
    for (tensor, parameter) in sums.layout.parameters.enumerated()
    where parameter.layer == model.layers - 1 && !sums.sampledTensors.contains(tensor) {
      for token in norms.indices { norms[token] += sums.tokens[tensor][token].l1Norm }
    }
    return norms
  }

  private func coordinates(_ estimate: RatioEstimate?) -> [CoordinateSums] {
    sums.layout.parameters.indices.map {
      coordinates(of: $0, sums.gradient.start + sums.layout.parameters[$0].offset, estimate)
    }
  }

  /// D(grad) and C_g without embeddings for another G, with all that is known of magnitudes.
  /// - Parameter gradients: of the model. They are used up: 2 gradients - G takes their place.
  func remainder(_ gradients: Parameters) -> (destructive: Double, overTokens: Double) {
    let estimate = estimate
    var (sum, noise) = (CoordinateSums(), 0.0)
    for (tensor, parameter) in sums.layout.parameters.enumerated() where !parameter.role.isEmbedding {
      guard let own = gradients.layout[parameter.name] else { continue }
      let (g, whole) = (gradients.start + own.offset, sums.gradient.start + parameter.offset)
      brake_combine(g, 2, g, -1, whole, parameter.count)
      let found = coordinates(of: tensor, g, estimate)
      sum += found
      if sums.sampledTensors.contains(tensor) { noise += found.halfConstructive - found.constructive }
    }
    let bias = noise * (1 - (estimate?.sample.share ?? 1)) / Double(sum.touched)
    return (
      1 - sum.constructive / Double(sum.touched) + bias,
      sum.absoluteParticipation / sum.participationMagnitude
    )
  }

  private func coordinates(
    of tensor: Int, _ gradient: ConstantFloats, _ estimate: RatioEstimate?
  ) -> CoordinateSums {
    let parameter = sums.layout.parameters[tensor]
    let isSampled = sums.sampledTensors.contains(tensor)
    return CoordinateSums(
      gradient: gradient, exact: sums.magnitude.start + parameter.offset,
      squares: sums.squares.start + parameter.offset,
      halves: isSampled ? sums.halves.map { ConstantFloats($0.start) + parameter.offset } : [],
      sampledSquares: isSampled
        ? sums.sampledSquares.map { ConstantFloats($0.start) + parameter.offset } : nil,
      scale: estimate?.scale ?? 1, halfScales: isSampled ? estimate?.halfScales ?? [] : [],
      delta: sums.delta(tensor), count: parameter.count, terms: count, threads: threads)
  }

  /// Coordinates of an embedding that have a gradient, but no token of the sample met their row.
  private func unmet(_ table: ParameterLayout.Parameter) -> Int {
    let width = model.width
    let rows = table.role == .embedding ? inputs.map { Int($0) } : Array(0..<table.count / width)
    let parts = sums.halves + [sums.magnitude]
    func isZero(_ values: Parameters, _ row: Int) -> Bool {
      brake_sum_squares(values.start + table.offset + row * width, width) == 0
    }
    return width * rows.count { row in parts.allSatisfy { isZero($0, row) } && !isZero(sums.gradient, row) }
  }
}
