public import Safetensors

/// A value for every parameter of a model, in one flat array of float32: weights, gradients, or an optimiser's moments.
/// It belongs to one task at a time.
public final class Parameters {
  public let model: ModelConfiguration
  public let layout: ParameterLayout
  private let buffer: FloatBuffer

  /// All zero.
  public init(_ model: ModelConfiguration) {
    self.model = model
    layout = ParameterLayout(model)
    buffer = FloatBuffer(layout.count)
  }

  public convenience init(copying other: Parameters) {
    self.init(other.model)
    start.update(from: other.start, count: count)
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
  /// Reads `model.safetensors`: float32 or bfloat16 under Hugging Face names.
  /// - Parameter prefix: stands before each name, where a file holds several such arrays.
  /// - Throws: if a parameter is missing, has another shape or another type, or the file has one that the model has not.
  public convenience init(
    _ model: ModelConfiguration, from file: SafetensorsFile, prefix: String = ""
  ) throws(ComputeError) {
    let layout = ParameterLayout(model)
    for tensor in file.header.tensors where tensor.name.hasPrefix(prefix) {
      let name = String(tensor.name.dropFirst(prefix.count))
      guard layout[name] != nil || Parameters.isDerived(name, model) else {
        throw ComputeError(.malformed, "the model has no parameter '\(name)', but the file has")
      }
    }
    var sources: [TensorDescriptor] = []
    for parameter in layout.parameters {
      guard let tensor = file.descriptor(prefix + parameter.name) else {
        throw ComputeError(.malformed, "the parameter '\(parameter.name)' is missing in the file")
      }
      guard tensor.shape == parameter.shape else {
        throw ComputeError(
          .malformed,
          "the parameter '\(parameter.name)' has the shape \(tensor.shape), not \(parameter.shape)")
      }
      guard tensor.dtype == .float32 || tensor.dtype == .bfloat16 else {
        throw ComputeError(
          .unusable, "the parameter '\(parameter.name)' has the dtype \(tensor.dtype.rawValue)",
          remedy: "weights are read as F32 or BF16")
      }
      sources.append(tensor)
    }
    self.init(model)
    for (parameter, tensor) in zip(layout.parameters, sources) {
      let target = self[parameter]
      file[tensor].withUnsafeBytes { bytes in
        if tensor.dtype == .float32 {
          UnsafeMutableRawBufferPointer(target).copyMemory(from: bytes)
        } else {
          for i in target.indices {
            let bits = bytes.loadUnaligned(fromByteOffset: 2 * i, as: UInt16.self)
            target[i] = Float(bitPattern: UInt32(UInt16(littleEndian: bits)) << 16)
          }
        }
      }
    }
  }

  /// What files carry beside the parameters: the output matrix of a tied model, masks and rotary tables.
  private static func isDerived(_ name: String, _ model: ModelConfiguration) -> Bool {
    if model.isTied && (name == "lm_head.weight" || name == "embed_out.weight") { return true }
    return [
      ".attn.bias", ".attn.masked_bias", ".attention.bias", ".attention.masked_bias", ".rotary_emb.inv_freq",
    ]
    .contains { name.hasSuffix($0) }
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
