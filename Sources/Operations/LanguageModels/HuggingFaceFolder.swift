internal import Actions
internal import Compute
internal import JSON
internal import Safetensors
internal import System

/// A folder with a model as the transformers library keeps it: `config.json`, and `model.safetensors` or
/// `model.safetensors.index.json` with the shards that it names. Other files are not read.
struct HuggingFaceFolder {
  static let configuration = "config.json"
  static let weights = "model.safetensors"
  private static let index = "model.safetensors.index.json"
  /// Bytes of a JSON file, and shards, at most.
  private static let limit = 64 << 20
  private static let mostShards = 4096

  let path: String

  func model() throws -> ModelConfiguration {
    guard exists(Self.configuration) else {
      throw Failure(.unusable, "the folder of the model has no \(Self.configuration)")
    }
    return try ModelConfiguration(parsing: bytes(Self.configuration, limit: Self.limit))
  }

  /// Reads all weights, one file after the other.
  func weights(of model: ModelConfiguration, each: (_ shard: String) throws -> Void) throws -> Parameters {
    let shards = try shards()
    let sizes = try shards.map { try FileInput.size(of: "\(path)/\($0)", name: $0) }
    try WeightReader.check(model, bytes: sizes.reduce(0, +))
    let weights = Parameters(model)
    var reader = WeightReader(weights)
    for shard in shards {
      try each(shard)
      let file: SafetensorsFile
      do { file = try SafetensorsFile(bytes(shard, limit: LMCheckpoint.limit)) } catch let error as Failure
        where error.code == .malformed
      {
        throw Failure(.malformed, "\(shard): \(error.headline)", hint: error.hint, cause: error)
      }
      try reader.add(file)
    }
    try reader.finish()
    for parameter in weights.layout.parameters where !weights[parameter].allSatisfy(\.isFinite) {
      throw Failure(.malformed, "the parameter '\(parameter.name)' is not finite everywhere")
    }
    return weights
  }

  /// The names of the files with the weights, in order.
  private func shards() throws -> [String] {
    if exists(Self.weights) { return [Self.weights] }
    guard exists(Self.index) else {
      throw Failure(
        .unusable, "the folder of the model has neither \(Self.weights) nor \(Self.index)",
        hint: "have transformers write it with save_pretrained(..., safe_serialization=True)")
    }
    let json = try JSON(parsing: bytes(Self.index, limit: Self.limit))
    guard let map = json["weight_map"]?.object else {
      throw Failure(.malformed, "\(Self.index) has no \"weight_map\" of names and files")
    }
    let names = try Set(
      map.values.map { value in
        guard let name = value.string, name.hasSuffix(".safetensors"), name.utf8.count <= 255,
          !name.utf8.contains(where: { $0 == 0 || $0 == UInt8(ascii: "/") })
        else {
          throw Failure(
            .malformed, "\(Self.index) names \(value.canonical), which is no safetensors file of the folder")
        }
        return name
      })
    guard names.count <= Self.mostShards else {
      throw Failure(.malformed, "\(Self.index) names more than \(Self.mostShards) files")
    }
    for name in names where !exists(name) {
      throw Failure(.unusable, "\(Self.index) names '\(name)', which is not in the folder")
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  private func exists(_ name: String) -> Bool { (try? LocalFileSystem().status("\(path)/\(name)")) != nil }

  private func bytes(_ name: String, limit: Int) throws -> [UInt8] {
    try FileInput.bytes(of: "\(path)/\(name)", name: name, limit: limit)
  }
}
