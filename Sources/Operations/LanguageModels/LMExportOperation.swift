internal import Actions
internal import Compute
internal import JSON
internal import System

/// `lm.export`
struct LMExportOperation: Operation {
  let name = "lm.export"
  let revision = 1
  let summary = "Writes a checkpoint's model in the form of Hugging Face's transformers."
  let inputs = [InputDeclaration("checkpoint", help: LMCheckpoint.help)]
  let parameters: [any ParameterDeclaration] = []
  let outputs = [
    OutputDeclaration(
      "model", file: "model",
      help:
        "a folder with config.json and model.safetensors (float32); norms without weights, which only Llama's of "
        + "lm.train are, have ones there, and lm.import takes them off again")
  ]

  /// Token ids that configurations have by default, and which mean nothing in an unknown vocabulary. A padding token
  /// would keep its embedding from being trained.
  private static let tokens: [String: JSON] = [
    "bos_token_id": .null, "eos_token_id": .null, "pad_token_id": .null,
  ]

  func run(_ context: OperationContext) async throws {
    let checkpoint = try LMCheckpoint(context.input("checkpoint"))
    let folder = try context.path(of: "model")
    try LocalFileSystem().makeFolder(folder)
    let configuration = try FileOutput("\(folder)/\(HuggingFaceFolder.configuration)")
    let json = JSON.object((checkpoint.model.json.object ?? [:]).merging(Self.tokens) { $1 })
    try Array((json.pretty + "\n").utf8).withUnsafeBytes { try configuration.write($0) }
    let output = try FileOutput("\(folder)/\(HuggingFaceFolder.weights)")
    try checkpoint.weights.withNormWeights().write { try output.write($0) }
  }
}
