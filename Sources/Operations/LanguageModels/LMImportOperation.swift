internal import Actions
internal import Artefacts
internal import Compute
internal import System

/// `lm.import`
struct LMImportOperation: Operation {
  static let weights = Parameter(
    "weights", default: "",
    help:
      "the file of the folder that has the weights, .safetensors or what torch.save writes (.pt, .pth, .bin); empty for "
      + "model.safetensors or pytorch_model.bin, whole or in shards",
    constraint: "the name of a file of the folder",
    allows: { !$0.contains("/") && !$0.utf8.contains(0) && $0 != "." && $0 != ".." })
  static let entry = Parameter(
    "entry", default: "",
    help:
      "where in that file the weights are, where it has other things as well: model, in nanoGPT's checkpoints"
  )
  static let names = Parameter<[String: String]>(
    "names", default: [:],
    help:
      "beginnings of names in the file and what Hugging Face has there, the longest first: {_orig_mod.: \"\"}"
  )
  static let transposed = Parameter<[String]>(
    "transposed", default: [],
    help:
      "endings of Hugging Face's names of matrices that the file has the other way round: [attn.c_attn.weight, "
      + "attn.c_proj.weight, mlp.c_fc.weight, mlp.c_proj.weight] of nanoGPT's")

  let name = "lm.import"
  let revision = 2
  let summary = "Makes a checkpoint of a model in the form of Hugging Face's transformers."
  let inputs = [
    InputDeclaration(
      "model",
      help:
        "a folder with config.json (model_type \(ModelConfiguration.types.joined(separator: ", "))) and the weights: "
        + "model.safetensors or pytorch_model.bin, whole or in shards, or another file (see 'weights'). Nothing in such files is executed"
    )
  ]
  let parameters: [any ParameterDeclaration] = [weights, entry, names, transposed]
  let outputs = [
    OutputDeclaration(
      "checkpoint", file: "checkpoint.safetensors",
      help: "as lm.train leaves them: float32, to which F64, F16 and BF16 are converted")
  ]

  func run(_ context: OperationContext) async throws {
    let input = context.input("model")
    guard input.artefact.kind == .tree else {
      throw Failure(
        .unusable, "the input 'model' is a file",
        hint: "give the folder with config.json and the weights")
    }
    let entry = context[Self.entry]
    let file = context[Self.weights]
    let folder = HuggingFaceFolder(
      path: context.scratch + "/model", file: file.isEmpty ? nil : file,
      names: WeightNames(
        prefix: entry.isEmpty ? "" : entry + ".", replacements: context[Self.names],
        transposed: context[Self.transposed]))
    try input.write(to: folder.path)
    let model = try folder.model()
    let weights = try folder.weights(of: model) { shard in
      try context.checkCancellation()
      context.progress(nil, shard)
    }
    try context.log("\(model.family.rawValue): \(model.allParameters) parameters")
    try LMCheckpoint(weights).write(to: context.path(of: "checkpoint"))
  }
}
