internal import Actions
internal import Compute
internal import JSON
internal import Safetensors

/// `zsl.gradients`
struct ZSLGradientsOperation: Operation {
  static let method = Parameter(
    "method", default: ModelInterference.Method.exact.rawValue,
    oneOf: ModelInterference.Method.allCases.map(\.rawValue),
    help:
      "exact: every token's gradient; sampled: below the last attention those of some tokens, with standard errors; proxy: "
      + "one backward pass, something else and without sums of tokens"
  )
  static let samples = Parameter(
    "samples", default: 256, unit: "tokens", in: 16...1 << 30,
    help: "that 'sampled' follows, at first: fewer than 16 do not tell their standard errors")
  static let tolerance = Parameter(
    "tolerance", default: 0.0, in: 0...1,
    help:
      "standard error of D over the model without embeddings up to which 'sampled' doubles its tokens; 0 for no more"
  )
  static let signs = Parameter(
    "signs", default: 10, unit: "draws", in: 0...1 << 20,
    help:
      "of random signs for the tokens, 0 or at least 2, which tell how far gradients cancel by chance; each costs as much as an update"
  )
  static let seed = Parameter("seed", default: 1, in: 0..., help: "of the sample and of the signs")
  static let sequences = Parameter(
    "sequences", default: 8, in: 1...1 << 20, help: "that are drawn from the stream, as a training draws them"
  )
  static let batch = Parameter(
    "batch", default: 8, unit: "sequences", in: 1...1 << 20,
    help: "at the same time; the memory that it needs grows with them")
  static let embeddings = Parameter(
    "embeddings", default: TokenGradientAccumulator.Embeddings.split.rawValue,
    oneOf: TokenGradientAccumulator.Embeddings.allCases.map(\.rawValue),
    help: "of a tied model: counted as two tensors, as in the published numbers, or as the one that they are")

  let name = "zsl.gradients"
  let revision = 7
  let summary = "Measures how the gradients of single tokens' losses interfere, in every part of a model."
  let inputs = [
    InputDeclaration("checkpoint", help: "a member of the output 'checkpoints' of lm.train"),
    InputDeclaration("tokens", help: "the tokens that were trained on, or others"),
    InputDeclaration(
      "delta", .optional,
      help: "a member of the output 'deltas' of zsl.step; without it, D and the norms of gradients alone"),
  ]
  let parameters: [any ParameterDeclaration] = [
    ZSLParameters.run, ZSLParameters.step, method, samples, tolerance, signs, seed, sequences,
    LMWindows.context,
    LMParameters.dataSeed, batch,
    embeddings,
  ]
  let outputs = [
    OutputDeclaration(
      "result", file: "gradients.json",
      help:
        "of each tensor, each layer and the model with and without embeddings: D as the mean over coordinates, from the "
        + "histogram (as published) and pooled, C_g, C_ug, C_uG, C_dl, M_dl, sums and norms, each D and C with what random signs "
        + "would leave of the same magnitudes (D_null, ...); of a sample their standard errors, large for D of an embedding, whose "
        + "rows meet few tokens of it; in 'random_signs', mean and deviation of D and C_g without embeddings over draws of signs"
    ),
    OutputDeclaration(
      "tokens", file: "tokens.safetensors",
      help:
        "of each token: 'sum_p', 'sum_abs_p', 'l1_g', 'l2sq_g' over all parameters, and the same after "
        + "'without_embeddings.' (float64), 'losses' in nats (float32); of a sample all but 'sum_p' is complete for the "
        + "tokens in 'sample' alone"),
    OutputDeclaration(
      "magnitudes", file: "magnitudes.safetensors",
      help: "of each parameter, the sum over tokens of the gradients' magnitudes"),
  ]

  func validate(_ parameters: ParameterValues) throws(ParameterError) {
    if parameters[Self.signs] == 1 {
      throw ParameterError("signs", "cannot be 1, as one draw has no spread: take 0 or at least 2")
    }
  }

  func run(_ context: OperationContext) async throws {
    let weights = try LMCheckpoint(context.input("checkpoint")).weights
    let stream = try TokenStream(parsing: context.input("tokens").bytes(limit: TextInput.limit)).tokens
    let delta = try context.optionalInput("delta").map {
      try Parameters(weights.model, from: LMCheckpoint.file($0))
    }
    let length = context[LMWindows.context] > 0 ? context[LMWindows.context] : weights.model.context
    let batches = try Batches(
      seed: UInt64(context[LMParameters.dataSeed]), context: length, count: stream.count)
    let embeddings = TokenGradientAccumulator.Embeddings(rawValue: context[Self.embeddings]) ?? .split
    let sequences = context[Self.sequences]
    let parts = try stride(from: 0, to: sequences, by: context[Self.batch]).map { first in
      try batches.tokens(
        of: stream, step: context[ZSLParameters.step],
        rows: first..<min(first + context[Self.batch], sequences))
    }
    let gradients: TokenGradientAccumulator
    if context[Self.method] == ModelInterference.Method.sampled.rawValue {
      gradients = try .sampled(
        parts, weights: weights, delta: delta, embeddings: embeddings, count: context[Self.samples],
        tolerance: context[Self.tolerance], seed: UInt64(context[Self.seed]), threads: Threads(of: context),
        progress: { followed in
          try context.checkCancellation()
          context.progress(nil, "\(followed) tokens followed")
        })
    } else {
      gradients = TokenGradientAccumulator(
        weights: weights, delta: delta, embeddings: embeddings, threads: Threads(of: context))
      for (index, part) in parts.enumerated() {
        try context.checkCancellation()
        if context[Self.method] == ModelInterference.Method.proxy.rawValue {
          try gradients.addProxy(part)
        } else {
          try gradients.add(part)
        }
        context.progress(Double(index + 1) / Double(parts.count), "\(gradients.count) tokens")
      }
    }
    let result = try gradients.result()
    try context.log("\(gradients.count) tokens, D \(result.model.interference.destructive)")
    var members = result.json.object ?? [:]
    if context[Self.signs] > 0 && result.method != .proxy {
      members["random_signs"] =
        try gradients.drawSigns(parts, count: context[Self.signs], seed: UInt64(context[Self.seed])) {
          drawn in
          try context.checkCancellation()
          context.progress(nil, "signs drawn \(drawn) times")
        }.json
    }
    members["run"] = .string(context[ZSLParameters.run])
    members["step"] = .integer(Int64(context[ZSLParameters.step]))
    members["context"] = .integer(Int64(length))
    try context.write(Array(JSON.object(members).pretty.utf8) + [UInt8(ascii: "\n")], to: "result")
    let tokens = try FileOutput(context.path(of: "tokens"))
    try result.writeTokens { try tokens.write($0) }
    let magnitudes = try FileOutput(context.path(of: "magnitudes"))
    try gradients.writeMagnitudes { try magnitudes.write($0) }
  }
}
