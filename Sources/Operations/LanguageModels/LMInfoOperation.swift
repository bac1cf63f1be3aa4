internal import Actions
internal import Compute
internal import JSON

/// `lm.info`
struct LMInfoOperation: Operation {
  let name = "lm.info"
  let revision = 1
  let summary = "Says the shape of a checkpoint's model and counts its parameters."
  let inputs = [InputDeclaration("checkpoint", help: LMCheckpoint.help)]
  let parameters: [any ParameterDeclaration] = []
  let outputs = [
    OutputDeclaration(
      "info", file: "info.json",
      help:
        "'config' as in config.json, 'parameters', 'non_embedding_parameters', and of each parameter its shape, mean and root mean square"
    )
  ]

  func run(_ context: OperationContext) async throws {
    let checkpoint = try LMCheckpoint(context.input("checkpoint"))
    let model = checkpoint.model
    let tensors = checkpoint.weights.layout.parameters.map { parameter in
      let values = checkpoint.weights[parameter]
      let count = Double(parameter.count)
      let squares = values.reduce(0.0) { $0 + Double($1) * Double($1) }
      return (
        parameter.name,
        [
          "shape": .array(parameter.shape.map { .integer(Int64($0)) }),
          "mean": .number(values.reduce(0.0) { $0 + Double($1) } / count),
          "root_mean_square": .number((squares / count).squareRoot()),
        ] as JSON
      )
    }
    let info: JSON = [
      "config": model.json, "parameters": .integer(Int64(model.allParameters)),
      "non_embedding_parameters": .integer(Int64(model.allParameters - model.embeddingParameters)),
      "tensors": .object(Dictionary(uniqueKeysWithValues: tensors)),
    ]
    try context.write(Array(info.pretty.utf8) + [UInt8(ascii: "\n")], to: "info")
  }
}
