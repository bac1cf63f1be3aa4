internal import Actions
internal import Compute
internal import JSON
internal import System

/// `lm.train`
struct LMTrainOperation: ChainOperation {
  /// The name of the input, and of the model that it describes.
  static let configuration = "configuration"
  static let model = Parameter(
    "model", default: LMSize.all[0].name, oneOf: LMSize.all.map(\.name) + [configuration],
    help:
      "shape and learning rate, where nothing else is said: a byte model of so many parameters without its embedding, "
      + "if it is a Llama; configuration: the model is that of the input, and learning_rate has to be given"
  )
  static let steps = Parameter("steps", unit: "updates", in: 1...1 << 31, help: "to train for")
  static let checkpoints = Parameter(
    "checkpoints", default: LMCheckpointSteps.powersOfTwo,
    help:
      "updates after which there is a checkpoint; there is one too where a cool-down begins, and at the end")
  static let resume = Parameter(
    "resume", default: 0, unit: "updates", in: 0...1 << 31,
    help:
      "there is also a checkpoint after every so many, so that a training which is interrupted, or made longer, "
      + "takes up what there is; 0 for none")

  /// More checkpoints of one training are refused.
  static let mostCheckpoints = 10_000

  let name = "lm.train"
  let revision = 3
  let summary =
    "Trains a language model; each stretch from one checkpoint to the next is an action of its own, which longer trainings share."
  let inputs = [
    InputDeclaration("train", help: "tokens as text.tokenise writes them"),
    InputDeclaration(
      configuration, .optional,
      help:
        "for model: configuration, a config.json of Hugging Face (model_type \(ModelConfiguration.types.joined(separator: ", ")))"
    ),
  ]
  let parameters: [any ParameterDeclaration] = [model, steps, checkpoints, resume] + LMParameters.shared
  let linkParameters: [any ParameterDeclaration] = LMLink.parameters
  let carried = ["checkpoints", "states"]
  let gathered = ["segments"]
  let outputs = [
    OutputDeclaration(
      "checkpoints", file: ".safetensors", keyed: true,
      help:
        "weights after an update, float32 under Hugging Face names; the configuration stands in the metadata"),
    OutputDeclaration(
      "states", file: ".safetensors", keyed: true,
      help: "what the optimiser keeps: its averages, and updates made"),
    OutputDeclaration(
      "segments", file: ".csv", keyed: true,
      help:
        "of each update since the checkpoint before: mean loss in nats a token, learning rate, gradient norm"),
    OutputDeclaration(
      "losses", file: "losses.csv",
      help:
        "step and loss of the whole training, for curve.prepare; the run is called after its parameters: 47k"),
  ]

  func links(_ parameters: ParameterValues) throws(ParameterError) -> [ChainLink] {
    let shared = try Self.resolved(parameters)
    var links: [ChainLink] = []
    var from = 0
    for to in try Self.ends(parameters) {
      var link = shared
      link["from"] = .integer(Int64(from))
      link["to"] = .integer(Int64(to))
      if from > 0 {
        link["seed"] = LMParameters.seed.defaultValue
        link["initialisation"] = LMParameters.initialisation.defaultValue
      }
      if from > 0 || parameters[LMParameters.initialisation] != "normal" {
        link["deviation"] = LMParameters.deviation.defaultValue
      }
      if from + 1 >= parameters[LMParameters.slowWarmup] { link["slow_warmup"] = 0 }
      link.merge(Self.schedule(parameters, from: from, to: to)) { $1 }
      let values = try ParameterValues(link, declarations: linkParameters)
      try LMLink.check(values)
      links.append(ChainLink(key: "\(to)", parameters: link))
      from = to
    }
    return links
  }

  func run(_ context: OperationContext) async throws {
    var curve: Curve?
    for input in context.inputs("segments") {
      try context.checkCancellation()
      let segment = try LMSegment(bytes: input.bytes())
      if curve == nil { curve = Curve(run: segment.run, steps: [], losses: []) }
      curve?.steps += segment.updates.map(\.step)
      curve?.losses += segment.updates.map(\.loss)
    }
    guard let curve, zip(curve.steps, curve.steps.dropFirst()).allSatisfy(<) else {
      throw Failure(.malformed, "the segments of the training do not follow each other")
    }
    try context.log("\(curve.run): \(curve.steps.count) updates, last loss \(curve.losses.last ?? .nan)")
    try context.write(curve.bytes, to: "losses")
  }

  func runLink(_ context: OperationContext) async throws { try LMTraining(context).run() }

  // MARK: Links

  /// The common parameters with everything that 'model' and the optimiser fill in.
  private static func resolved(_ parameters: ParameterValues) throws(ParameterError) -> [String: JSON] {
    let names = Set(LMParameters.shared.map(\.name))
    var values = parameters.values.filter { names.contains($0.key) }
    func fill<Value: ParameterValue & Comparable & ExpressibleByIntegerLiteral>(
      _ parameter: Parameter<Value>, _ value: Value
    ) {
      if parameters[parameter] == 0 { values[parameter.name] = value.parameter }
    }
    if parameters[model] == configuration { try checkConfigured(parameters) }
    for size in LMSize.all where size.name == parameters[model] {
      fill(LMParameters.width, size.width)
      let isGated = ["llama", "olmo"].contains(parameters[LMParameters.family])
      fill(LMParameters.inner, isGated ? size.inner : 4 * (values["width"]?.integer ?? size.width))
      fill(LMParameters.learningRate, size.learningRate)
      fill(LMParameters.layers, LMSize.layers)
      fill(LMParameters.heads, LMSize.heads)
    }
    let optimiser = LMOptimiser(rawValue: parameters[LMParameters.optimiser]) ?? .adamW
    values["betas"] = try optimiser.betas(parameters[LMParameters.betas]).parameter
    values["epsilon"] = optimiser.epsilon(parameters[LMParameters.epsilon]).parameter
    return values
  }

  /// What a configuration says is not said a second time, and what it does not say is said.
  private static func checkConfigured(_ parameters: ParameterValues) throws(ParameterError) {
    let shape: [any ParameterDeclaration] = [
      LMParameters.family, LMParameters.width, LMParameters.layers, LMParameters.heads, LMParameters.inner,
      LMParameters.normWeights, LMParameters.tied,
    ]
    for parameter in shape where parameters.values[parameter.name] != parameter.defaultValue {
      throw ParameterError(parameter.name, "is said by the configuration")
    }
    guard parameters[LMParameters.learningRate] > 0 else {
      throw ParameterError("learning_rate", "has to be given: a configuration has none")
    }
  }

  /// Where links end: checkpoints, points to resume at, the beginning of the cool-down, and the last update.
  private static func ends(_ parameters: ParameterValues) throws(ParameterError) -> [Int] {
    let (steps, cooldown) = (parameters[Self.steps], parameters[LMParameters.cooldown])
    let isCosine = parameters[LMParameters.schedule] == "cosine"
    guard cooldown == 0 || !isCosine else {
      throw ParameterError("cooldown", "goes with a constant schedule, not with cosine")
    }
    guard cooldown <= steps else {
      throw ParameterError("cooldown", "is longer than the training (\(cooldown) of \(steps) updates)")
    }
    guard !isCosine && cooldown == 0 || parameters[LMParameters.warmup] <= steps - cooldown else {
      throw ParameterError("warmup", "leaves no updates before the learning rate goes down")
    }
    var ends = Set(parameters[checkpoints].steps(before: steps, limit: mostCheckpoints + 1))
    if parameters[resume] > 0 {
      ends.formUnion(
        stride(from: parameters[resume], to: steps, by: parameters[resume]).prefix(mostCheckpoints + 1))
    }
    guard ends.count <= mostCheckpoints else {
      throw ParameterError("checkpoints", "would be more than \(mostCheckpoints)")
    }
    if cooldown > 0, cooldown < steps { ends.insert(steps - cooldown) }
    return ends.sorted() + [steps]
  }

  /// What determines the learning rates of the updates from + 1...to, and no more: for a link whose updates do not see
  /// the warm-up, the cool-down or the cosine, it is the same as if there were none.
  private static func schedule(_ parameters: ParameterValues, from: Int, to: Int) -> [String: JSON] {
    let (steps, warmup) = (parameters[Self.steps], parameters[LMParameters.warmup])
    let cooldown = parameters[LMParameters.cooldown]
    let isCosine = parameters[LMParameters.schedule] == "cosine" && to > warmup
    let isCooling = cooldown > 0 && to > steps - cooldown
    let warms = from < warmup
    let factor = warms ? parameters[LMParameters.startFactor] : 1
    return [
      "schedule": .string(isCosine ? "cosine" : "constant"),
      "cooldown": .integer(Int64(isCooling ? cooldown : 0)),
      "floor": (isCosine || isCooling ? parameters[LMParameters.floor] : 0).parameter,
      "end": .integer(Int64(isCosine || isCooling ? steps : 0)),
      "warmup": .integer(Int64(warms || isCosine ? warmup : 0)),
      "start_factor": factor.parameter,
    ]
  }
}
