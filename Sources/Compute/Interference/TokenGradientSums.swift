internal import CKernels

/// Sums over tokens i of their gradients g_i, of |g_i| and of g_i^2, and sums over parameters for each token: what the quantities
/// of interference are made of.
final class TokenGradientSums {
  /// The model of which the tensors are told apart: with its output matrix untied, perhaps.
  let counted: ModelConfiguration
  let layout: ParameterLayout
  /// Sum over i of g_i.
  let gradient: Parameters
  /// Of the sum over i of |g_i|, what is known of all tokens.
  let magnitude: Parameters
  /// Likewise of the sum over i of g_i^2, and what is known of a sample.
  let squares: Parameters
  let sampledSquares: Parameters?
  /// And what is known of a sample of tokens: the sums over its two halves. Without a sample there are none.
  let halves: [Parameters]
  /// The half to which gradients are added; nil for what is known of all tokens.
  var half: Int?
  /// The tensors to whose halves gradients have been added.
  private(set) var sampledTensors: Set<Int> = []
  /// Whether sums over parameters are taken for each token.
  var tellsTokensApart = true
  /// Whether anything is added to what is known of all tokens.
  var isRecording = true
  private let delta: Parameters?
  /// What a token's |g_j| counts in its influence; nil before anything is known of a sample.
  private var weights: Parameters?
  /// [tensors][tokens].
  private(set) var tokens: [[TokenSums]]
  let threads: Threads
  /// Tokens of the batches before this one.
  private var before = 0
  private var spare: [FloatBuffer] = []

  /// - Parameter delta: of the model, tied or untied.
  init(_ counted: ModelConfiguration, delta: Parameters?, isSample: Bool, threads: Threads) {
    self.counted = counted
    self.delta = delta
    self.threads = threads
    layout = ParameterLayout(counted)
    gradient = Parameters(counted, hasSparseEmbedding: true)
    magnitude = Parameters(counted, hasSparseEmbedding: true)
    squares = Parameters(counted, hasSparseEmbedding: true)
    sampledSquares = isSample ? Parameters(counted, hasSparseEmbedding: true) : nil
    halves = (0..<(isSample ? 2 : 0)).map { _ in Parameters(counted, hasSparseEmbedding: true) }
    tokens = Array(repeating: [], count: layout.parameters.count)
  }

  /// Makes room for the tokens of the next batch.
  func begin(tokens count: Int) {
    before = tokens.first?.count ?? 0
    for tensor in tokens.indices { tokens[tensor] += Array(repeating: TokenSums(), count: count) }
  }

  /// Goes back to the tokens of a batch that have had room made for them.
  func resume(at token: Int) { before = token }

  /// Of each token of this batch the sum of p_ij over the tensor that starts at an offset, as far as it has been added.
  func participation(at offset: Int) -> [Double] {
    tokens[tensors(offset..<offset + 1)[0]][before...].map(\.participation)
  }

  func add(_ sums: TokenSums, tensor: Int, token: Int) { tokens[tensor][before + token] += sums }

  /// The tensors in a range of the flat array.
  func tensors(_ range: Range<Int>) -> [Int] {
    let parameters = layout.parameters
    return parameters.indices.filter { range.contains(parameters[$0].offset) }
  }

  /// Whether a gradient that is a sum over positions is to be added.
  var isAdding: Bool { half != nil || isRecording }

  /// Where the magnitudes of a tensor's gradients are added, and their squares.
  func target(_ tensor: Int) -> (magnitude: Floats, squares: Floats) {
    let offset = layout.parameters[tensor].offset
    guard let half, let sampledSquares else { return (magnitude.start + offset, squares.start + offset) }
    sampledTensors.insert(tensor)
    return (halves[half].start + offset, sampledSquares.start + offset)
  }

  var hasDelta: Bool { delta != nil }

  /// The changes of a tensor: of an untied output matrix those of the embedding, where the changes know but one.
  func delta(_ tensor: Int) -> ConstantFloats? {
    let name = layout.parameters[tensor].name
    return delta.map { ConstantFloats($0.start) + ($0.layout[name] ?? $0.layout.parameters[0]).offset }
  }

  func weight(_ tensor: Int) -> ConstantFloats? {
    weights.map { ConstantFloats($0.start) + layout.parameters[tensor].offset }
  }

  /// Makes of the sample until now the weights |G_j| / A_j^2, by which a token's |g_j| takes away from |G_j| / A_j, in parts of
  /// what a token of these has on average.
  /// - Parameters:
  ///   - tokens: how many the sums G_j are over.
  ///   - scale: of the sums over the sample.
  func weigh(tokens: Int, scale: Double) {
    let weights = weights ?? Parameters(counted, hasSparseEmbedding: true)
    self.weights = weights
    for tensor in sampledTensors where !layout.parameters[tensor].role.isEmbedding {
      let parameter = layout.parameters[tensor]
      let (g, w) = (gradient.start + parameter.offset, weights.start + parameter.offset)
      let (half, other) = (halves[0].start + parameter.offset, halves[1].start + parameter.offset)
      let grain = Int(BRAKE_REDUCTION_CHUNK)
      var constructive = [Double](repeating: 0, count: (parameter.count + grain - 1) / grain)
      constructive.withUnsafeMutableBufferPointer { constructive in
        nonisolated(unsafe) let constructive = constructive
        threads.run(constructive.count, work: 20 * parameter.count) { first, last in
          for chunk in first..<last {
            let at = chunk * grain
            constructive[chunk] = brake_influence(
              w + at, g + at, half + at, other + at, Float(scale), min(grain, parameter.count - at))
          }
        }
      }
      let all = constructive.reduce(0, +)
      let unit = all > 0 ? Float(Double(tokens) / all) : 0
      threads.ranges(parameter.count, grain: grain, work: parameter.count) { range in
        brake_scale(w + range.lowerBound, unit, w + range.lowerBound, range.count)
      }
    }
  }

  /// A buffer that is kept for the next call.
  func room(_ index: Int, _ count: Int) -> Floats {
    while spare.count <= index { spare.append(FloatBuffer(0)) }
    if spare[index].count < count { spare[index] = FloatBuffer(count) }
    return spare[index].start
  }
}
