internal import Actions
internal import Compute

/// The parameters that a training and each of its links have in common.
enum LMParameters {
  static let family = Parameter(
    "family", default: ModelConfiguration.Family.llama.rawValue,
    oneOf: ModelConfiguration.Family.allCases.map(\.rawValue),
    help:
      "llama (RMSNorm, rotary positions, SwiGLU), olmo (the same with LayerNorm), gpt2 (LayerNorm, learned positions, "
      + "GELU, biases) or gpt_neox (the same with a quarter of each head rotary, and attention beside feed-forward)"
  )
  static let width = Parameter(
    "width", default: 0, unit: "values", in: 0...1 << 15,
    help: "of the residual stream (d_model); 0 for that of 'model'")
  static let layers = Parameter(
    "layers", default: 0, in: 0...1 << 10, help: "of the decoder; 0 for those of 'model'")
  static let heads = Parameter(
    "heads", default: 0, in: 0...1 << 10, help: "of attention; 0 for those of 'model'")
  static let inner = Parameter(
    "inner", default: 0, unit: "values", in: 0...1 << 18,
    help:
      "of the feed-forward part after its activation; 0 for those of 'model', and with GELU four times the width"
  )
  static let normWeights = Parameter(
    "norm_weights", default: false,
    help: "llama: whether the norms have weights; those of gpt2 and gpt_neox always have, olmo's never")
  static let tied = Parameter(
    "tied", default: true, help: "whether the embedding is also the output matrix")
  static let context = Parameter(
    "context", default: 64, unit: "tokens", in: 1...1 << 20, help: "of a sequence")
  static let batch = Parameter(
    "batch", default: 8, unit: "sequences", in: 1...1 << 20, help: "of an update")
  static let microBatch = Parameter(
    "micro_batch", default: 0, unit: "sequences", in: 0...1 << 20,
    help:
      "at a time, to save memory: gradients are summed up over the batch, a multiple of it; 0 for the batch at once"
  )
  static let seed = Parameter("seed", default: 1, in: 0..., help: "what the first weights are drawn from")
  static let initialisation = Parameter(
    "initialisation", default: "mitchell", oneOf: ["mitchell", "gpt2", "normal"],
    help:
      "of the weights: OLMo's, which depends on depth; GPT-2's, of deviation 0.02; or normal, of 'deviation' everywhere"
  )
  static let deviation = Parameter(
    "deviation", default: 0.02, in: 0...10, help: "of the weights, where initialisation is normal")
  static let dataSeed = Parameter(
    "data_seed", default: 2, in: 0..., help: "what the sequences of each update are drawn from")

  static let learningRate = Parameter(
    "learning_rate", default: 0, in: 0...1e6, help: "at its peak; 0 for that of 'model'")
  static let warmup = Parameter(
    "warmup", default: 30, unit: "updates", in: 0...1 << 31,
    help: "in which the learning rate grows to its peak")
  static let startFactor = Parameter(
    "start_factor", default: 0.1, in: 0...1, help: "part of the peak at which the warm-up starts")
  static let schedule = Parameter(
    "schedule", default: "constant", oneOf: ["constant", "cosine"],
    help: "of the learning rate after the warm-up; cosine reaches 'floor' at the last update")
  static let cooldown = Parameter(
    "cooldown", default: 0, unit: "updates", in: 0...1 << 31,
    help: "at the end, in which a constant learning rate goes down to 'floor' in a straight line")
  static let floor = Parameter(
    "floor", default: 0.0, in: 0...1, help: "part of the peak to which cosine or cool-down go")

  static let optimiser = Parameter(
    "optimiser", default: LMOptimiser.adamW.rawValue, oneOf: LMOptimiser.allCases.map(\.rawValue),
    help: "muon: AdamW for all but the matrices of the layers")
  static let betas = Parameter<[Double]>(
    "betas", default: [],
    help:
      "decay of its averages: two for adamw and cautious-adamw, three for ademamix, the momentum for sgd, "
      + "the momentum and AdamW's two for muon; empty for .9 .95, .9 .999 .9999, .9, and .95 .9 .95",
    constraint: "from 0 on and below 1", allows: { $0.allSatisfy { (0..<1).contains($0) } })
  static let epsilon = Parameter(
    "epsilon", default: 0.0, in: 0...1,
    help: "added to the root of AdamW's second average; 0 for 1e-5, and 1e-8 for ademamix")
  static let alpha = Parameter(
    "alpha", default: 0.0, in: 0...1e6, help: "ademamix: weight of the slow average in an update; 0 for 8")
  static let slowWarmup = Parameter(
    "slow_warmup", default: 0, unit: "updates", in: 0...1 << 31,
    help:
      "ademamix: over which alpha grows from 0, and the third of betas from the first, as published; 0 for not at all"
  )
  static let othersRate = Parameter(
    "others_rate", default: 1.0, in: 0...1e6,
    help: "muon: learning rate of what is no matrix of a layer, as a multiple of the matrices'")
  static let weightDecay = Parameter(
    "weight_decay", default: 0.1, in: 0...100,
    help: "decoupled, times the learning rate; of the matrices of the layers alone")
  static let clip = Parameter(
    "clip", default: 1, in: 0...1e30, help: "largest norm of the gradient over all parameters; 0 for none")

  static let shared: [any ParameterDeclaration] = [
    family, width, layers, heads, inner, normWeights, tied, context, batch, microBatch, seed, initialisation,
    deviation,
    dataSeed,
    learningRate, warmup, startFactor, schedule, cooldown, floor, optimiser, betas, epsilon, alpha,
    slowWarmup,
    othersRate, weightDecay, clip,
  ]
}
