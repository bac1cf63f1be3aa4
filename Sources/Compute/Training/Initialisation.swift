/// How the weights of a model start. Norms start with weight 1 (or 0, if they count from
/// 1), biases with 0.
public enum Initialisation: Sendable, Hashable {
  /// OLMo's "mitchell" (Groeneveld et al. 2024, arXiv 2402.00838, and `init_fn: mitchell` in its code): normal with
  /// deviation 1 / sqrt(C) for embeddings, output matrix and matrices that read the residual stream, and
  /// 1 / sqrt(2 n (l + 1)) for matrices of layer l (from 0) that add to it from n values; all cut at three deviations.
  case mitchell
  /// GPT-2's (Radford et al. 2019): normal with deviation 0.02, that of the matrices that add to the residual stream
  /// divided by the root of their number, sqrt(2 layers).
  case gpt2
  /// The same deviation for all matrices.
  case normal(deviation: Double)

  /// Weights from a seed. Each parameter draws from a stream of Philox of its own, by its place in the order of the names:
  /// element i takes the first number that is not cut off from the pairs at i, i + n, i + 2 n, ..., where n is its number of elements.
  public func weights(_ model: ModelConfiguration, seed: UInt64, threads: Threads) -> Parameters {
    let weights = Parameters(model)
    let random = Philox(seed: seed)
    let names = weights.layout.parameters.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    for (place, parameter) in names.enumerated() {
      let target = weights[parameter].baseAddress!
      guard let deviation = deviation(parameter.role, model) else {
        let isOne = parameter.role == .normWeight && !model.hasNormWeightsFromOne
        target.update(repeating: isOne ? 1 : 0, count: parameter.count)
        continue
      }
      let stream = Streams.initialisation(place)
      threads.ranges(parameter.count, grain: 1 << 12, work: 200 * parameter.count) { range in
        for i in range {
          let z = number(random, stream: stream, index: UInt64(i), stride: UInt64(parameter.count))
          target[i] = Float(deviation * z)
        }
      }
    }
    return weights
  }

  private func number(_ random: Philox, stream: UInt32, index: UInt64, stride: UInt64) -> Double {
    let cut = self == .mitchell ? 3.0 : .infinity
    var index = index
    while true {
      let (a, b) = random.normals(stream: stream, index: index)
      if a.magnitude <= cut { return a }
      if b.magnitude <= cut { return b }
      index += stride
    }
  }

  /// Of a parameter; nil where it starts with a constant.
  private func deviation(_ role: ParameterLayout.Role, _ model: ModelConfiguration) -> Double? {
    switch (self, role) {
    case (_, .normWeight), (_, .bias): nil
    case (.mitchell, .output(let fanIn, let layer)): 1 / Double(2 * fanIn * (layer + 1)).squareRoot()
    case (.mitchell, _): 1 / Double(model.width).squareRoot()
    case (.gpt2, .output): 0.02 / Double(2 * model.layers).squareRoot()
    case (.gpt2, _): 0.02
    case (.normal(let deviation), _): deviation
    }
  }
}
