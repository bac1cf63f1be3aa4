internal import Actions
internal import Compute
internal import JSON
internal import Safetensors
internal import System
internal import TorchFiles

/// A folder with a model as the transformers library keeps it: `config.json`, and its weights whole or in the shards that an
/// index names, as safetensors or in the older form of PyTorch. Other files are not read.
struct HuggingFaceFolder {
  static let configuration = "config.json"
  static let weights = "model.safetensors"
  /// What weights are looked for in, the first first.
  private static let usual = [weights, "pytorch_model.bin"]
  /// Bytes of a JSON file, and shards, at most.
  private static let limit = 64 << 20
  private static let mostShards = 4096

  let path: String
  /// The file of the weights; nil for the usual ones.
  var file: String?
  var names = WeightNames()

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
    var reader = WeightReader(weights, names: names)
    for shard in shards {
      try each(shard)
      do { try add(shard, to: &reader) } catch let error as Failure where error.code == .malformed {
        throw Failure(.malformed, "\(shard): \(error.headline)", hint: error.hint, cause: error)
      }
    }
    try reader.finish()
    try weights.checkFinite()
    return weights
  }

  private func add(_ shard: String, to reader: inout WeightReader) throws {
    let bytes = try bytes(shard, limit: LMCheckpoint.limit)
    if shard.hasSuffix(".safetensors") {
      try reader.add(try SafetensorsFile(bytes))
    } else {
      try reader.add(try TorchFile(bytes))
    }
  }

  /// The names of the files with the weights, in order.
  private func shards() throws -> [String] {
    if let file {
      guard exists(file) else {
        throw Failure(.unusable, "the folder of the model has no '\(file)'")
      }
      return [file]
    }
    for name in Self.usual {
      if exists(name) { return [name] }
      if exists(name + ".index.json") { return try shards(of: name) }
    }
    throw Failure(
      .unusable,
      "the folder of the model has no \(Self.usual.joined(separator: ", no ")), and no index of one",
      hint: "say which file has the weights: weights: FILE")
  }

  /// Those that the index of a file names.
  private func shards(of file: String) throws -> [String] {
    let index = file + ".index.json"
    let ending = file.split(separator: ".").last ?? ""
    let json = try JSON(parsing: bytes(index, limit: Self.limit))
    guard let map = json["weight_map"]?.object else {
      throw Failure(.malformed, "\(index) has no \"weight_map\" of names and files")
    }
    let names = try Set(
      map.values.map { value in
        guard let name = value.string, name.hasSuffix(".\(ending)"), name.utf8.count <= 255,
          !name.utf8.contains(where: { $0 == 0 || $0 == UInt8(ascii: "/") })
        else {
          throw Failure(
            .malformed, "\(index) names \(value.canonical), which is no .\(ending) file of the folder")
        }
        return name
      })
    guard names.count <= Self.mostShards else {
      throw Failure(.malformed, "\(index) names more than \(Self.mostShards) files")
    }
    for name in names where !exists(name) {
      throw Failure(.unusable, "\(index) names '\(name)', which is not in the folder")
    }
    return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
  }

  private func exists(_ name: String) -> Bool { (try? LocalFileSystem().status("\(path)/\(name)")) != nil }

  private func bytes(_ name: String, limit: Int) throws -> [UInt8] {
    try FileInput.bytes(of: "\(path)/\(name)", name: name, limit: limit)
  }
}
