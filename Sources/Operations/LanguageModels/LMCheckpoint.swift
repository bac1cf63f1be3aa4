internal import Actions
internal import Compute
internal import JSON
internal import Safetensors
internal import System

/// A model's weights in a file that says itself which model they are of.
struct LMCheckpoint {
  let weights: Parameters
  var model: ModelConfiguration { weights.model }

  private static let configurationName = "config"

  /// What the inputs that are checkpoints say of themselves.
  static let help = "a member of the output 'checkpoints' of lm.train, or what lm.import gives"
  /// Bytes of weights and states, at most.
  static let limit = 1 << 38

  init(_ weights: Parameters) { self.weights = weights }

  init(_ input: InputArtefact) throws {
    let file = try Self.file(input)
    guard let text = file.header.metadata[Self.configurationName] else {
      throw Failure(
        .malformed,
        "the checkpoint does not say which model it is of: its metadata have no '\(Self.configurationName)'",
        hint: "give \(Self.help)")
    }
    weights = try Parameters(ModelConfiguration(parsing: Array(text.utf8)), from: file)
    try weights.checkFinite()
  }

  /// Any safetensors file of the size that weights and states may have.
  static func file(_ input: InputArtefact) throws -> SafetensorsFile {
    try SafetensorsFile(input.bytes(limit: limit))
  }

  func write(to path: String) throws {
    let output = try FileOutput(path)
    try weights.write(metadata: [Self.configurationName: model.json.canonical]) { try output.write($0) }
  }
}

extension Parameters {
  /// - Throws: `malformed` with the first parameter that has a value which is infinite or not a number.
  func checkFinite() throws(Failure) {
    for parameter in layout.parameters where !self[parameter].allSatisfy(\.isFinite) {
      throw Failure(.malformed, "the parameter '\(parameter.name)' is not finite everywhere")
    }
  }
}

extension ModelConfiguration {
  /// Parameters of embeddings, positions and output matrix, which scaling laws do not count.
  var embeddingParameters: Int {
    ParameterLayout(self).parameters.reduce(0) { $0 + ($1.role.isEmbedding ? $1.count : 0) }
  }

  var allParameters: Int { ParameterLayout(self).count }
}
