public import Safetensors
public import System

/// A value for every parameter of a model, in one flat array of float32: weights, gradients, or an optimiser's moments.
/// It belongs to one task at a time.
public final class Parameters {
  public let model: ModelConfiguration
  public let layout: ParameterLayout
  private let buffer: FloatBuffer

  /// All zero.
  public convenience init(_ model: ModelConfiguration) { self.init(model, hasSparseEmbedding: false) }

  /// - Parameter hasSparseEmbedding: whether most rows of the embedding stay zero, and are not to take memory.
  init(_ model: ModelConfiguration, hasSparseEmbedding: Bool) {
    self.model = model
    layout = ParameterLayout(model)
    let embedding = layout.parameters[0]
    precondition(embedding.role == .embedding, "the embedding comes first")
    buffer = FloatBuffer(layout.count, sparse: hasSparseEmbedding ? embedding.count : 0)
  }

  public convenience init(copying other: Parameters) {
    self.init(other.model)
    start.update(from: other.start, count: count)
  }

  /// The same of a Llama whose norms have weights, which are 1: as other programs know it. Of other models, itself.
  public func withNormWeights() -> Parameters {
    guard model.family == .llama, !model.hasNormWeights else { return self }
    var affine = model
    affine.hasNormWeights = true
    let weights = Parameters(affine)
    for parameter in weights.layout.parameters {
      if let values = self[parameter.name] {
        _ = weights[parameter].update(fromContentsOf: values)
      } else {
        weights[parameter].update(repeating: 1)
      }
    }
    return weights
  }

  /// The same with an output matrix of its own, which is a copy of the embedding; of an untied model, itself.
  func untied() -> Parameters {
    guard model.isTied else { return self }
    var other = model
    other.isTied = false
    let weights = Parameters(other)
    for parameter in weights.layout.parameters {
      let source = parameter.role == .head ? layout.parameters[0].name : parameter.name
      if let values = self[source] { _ = weights[parameter].update(fromContentsOf: values) }
    }
    return weights
  }

  public var count: Int { layout.count }
  var start: Floats { buffer.start }

  /// All values, in the order of the layout.
  public var values: UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: start, count: count)
  }

  /// The values of one parameter, row-major; nil if there is none of this name.
  public subscript(_ name: String) -> UnsafeMutableBufferPointer<Float>? { layout[name].map { self[$0] } }

  /// - Precondition: the parameter is one of this layout.
  public subscript(_ parameter: ParameterLayout.Parameter) -> UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(start: start + parameter.offset, count: parameter.count)
  }

  public func setToZero() { start.update(repeating: 0, count: count) }
}

// MARK: - Safetensors

extension Parameters {
  /// Reads a file as `WeightReader` does.
  /// - Parameter prefix: stands before each name, where a file holds several such arrays.
  public convenience init(
    _ model: ModelConfiguration, from file: SafetensorsFile, prefix: String = ""
  ) throws(Failure) {
    try WeightReader.check(model, bytes: file.header.dataSize)
    self.init(model)
    var reader = WeightReader(self, names: WeightNames(prefix: prefix))
    try reader.add(file)
    try reader.finish()
  }

  /// Writes a safetensors file in pieces, as float32 under Hugging Face names. The same values give the same bytes.
  /// - Parameter metadata: free text to go with them, beside the `format` that transformers asks for.
  public func write(
    metadata: [String: String] = [:], to output: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    try Parameters.write(
      [("", self)], metadata: metadata.merging(["format": "pt"]) { _, format in format }, to: output)
  }

  /// Writes several arrays to one file, each with its prefix before the names.
  static func write(
    _ arrays: [(prefix: String, values: Parameters)], metadata: [String: String],
    to output: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    var tensors: [(name: String, dtype: DType, shape: [Int])] = []
    var values: [String: UnsafeMutableBufferPointer<Float>] = [:]
    for (prefix, array) in arrays {
      for parameter in array.layout.parameters {
        tensors.append((prefix + parameter.name, .float32, parameter.shape))
        values[prefix + parameter.name] = array[parameter]
      }
    }
    try SafetensorsWriter(tensors, metadata: metadata).write(
      { tensor, emit in try values[tensor.name].map { try emit(UnsafeRawBufferPointer($0)) } }, to: output)
  }
}
