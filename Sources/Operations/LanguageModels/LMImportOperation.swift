internal import Actions
internal import Artefacts
internal import Compute
internal import System

/// `lm.import`
struct LMImportOperation: Operation {
  let name = "lm.import"
  let revision = 1
  let summary = "Makes a checkpoint of a model in the form of Hugging Face's transformers."
  let inputs = [
    InputDeclaration(
      "model",
      help:
        "a folder with config.json (model_type llama, olmo, gpt2 or gpt_neox) and model.safetensors, whole or in shards"
    )
  ]
  let parameters: [any ParameterDeclaration] = []
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
    let folder = HuggingFaceFolder(path: context.scratch + "/model")
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
