public import Safetensors
public import System

/// Fills in the parameters of a model from files of tensors under Hugging Face names, or names that lead to them: from one,
/// or from the shards of one. Elements of F64, F32, F16 and BF16 become float32, rounded to the nearest.
///
/// A base model's names, which lack the `model.`, `transformer.` or `gpt_neox.` at the start, mean the same parameters; of
/// a tied model, the output matrix means the embedding. What is given more than once has to be the same each time. Masks
/// and rotary frequencies, which some files carry, are passed over, and so are weights of norms that the model has not,
/// if they are all 1.
public struct WeightReader {
  private let weights: Parameters
  private let names: WeightNames
  /// The names that this reader knows; several may mean one parameter.
  private var known: [String: ParameterLayout.Parameter]
  private let norms: Set<String>
  private var found: Set<String> = []

  /// - Parameters:
  ///   - weights: where the values go.
  ///   - names: how the files' tensors are called.
  public init(_ weights: Parameters, names: WeightNames = WeightNames()) {
    self.weights = weights
    self.names = names
    let model = weights.model
    known = Self.names(weights.layout, of: model)
    if model.isTied, let embedding = weights.layout.parameters.first(where: { $0.role == .embedding }) {
      known[model.family == .neox ? "embed_out.weight" : "lm_head.weight"] = embedding
    }
    var affine = model
    affine.hasNormWeights = true
    norms =
      model.family == .llama
      ? Set(Self.names(ParameterLayout(affine), of: model).filter { $1.role == .normWeight }.keys) : []
  }

  /// Names with what base models lack at their start, and without it.
  private static func names(
    _ layout: ParameterLayout, of model: ModelConfiguration
  ) -> [String: ParameterLayout.Parameter] {
    let base =
      switch model.family {
      case .llama, .olmo: "model."
      case .gpt2: "transformer."
      case .neox: "gpt_neox."
      }
    var names: [String: ParameterLayout.Parameter] = [:]
    for parameter in layout.parameters {
      names[parameter.name] = parameter
      if parameter.name.hasPrefix(base) { names[String(parameter.name.dropFirst(base.count))] = parameter }
    }
    return names
  }

  /// Refuses a model that cannot be in files of so many bytes, or in the memory of this machine, before any is taken.
  public static func check(_ model: ModelConfiguration, bytes: Int) throws(Failure) {
    let count = ParameterLayout(model).count
    guard bytes / 2 >= count else {
      throw Failure(
        .malformed, "\(bytes) bytes of weights are too few for the \(count) parameters of the model")
    }
    try ModelMemory.checkArray(of: model)
  }

  /// - Throws: if a tensor is none of the model's, has another shape or no type of floats, or is given again with other
  ///   values.
  public mutating func add(_ file: some TensorFile) throws(Failure) {
    for tensor in file.tensors {
      guard let name = names.name(of: tensor.name) else { continue }
      if let parameter = known[name] {
        try read(tensor, of: file, to: parameter, isTransposed: names.isTransposed(name))
      } else if norms.contains(name) {
        guard try file.floats(tensor).allSatisfy({ $0 == 1 }) else {
          throw Failure(
            .malformed, "the norms of the model have no weights, but '\(name)' is not all 1",
            hint: "set norm_affine to true in the configuration, or leave it out")
        }
      } else if !Self.isPassedOver(name) {
        throw Failure(
          .malformed, "the model has no parameter '\(name)', but the file has", hint: hint(for: file))
      }
    }
  }

  /// What to say where the names of parameters stand in the file with something before them.
  private func hint(for file: some TensorFile) -> String? {
    let isNamedAsKnown = file.tensors.contains { tensor in
      names.name(of: tensor.name).map { known[$0] != nil } ?? false
    }
    guard !isNamedAsKnown else { return nil }
    for tensor in file.tensors {
      guard let name = names.name(of: tensor.name) else { continue }
      let parts = name.split(separator: ".", omittingEmptySubsequences: false)
      for count in 1..<max(1, parts.count) where known[parts[count...].joined(separator: ".")] != nil {
        let rest = "." + parts[count...].joined(separator: ".")
        guard tensor.name.hasSuffix(rest) else { continue }
        let entry = tensor.name.dropLast(rest.count)
        return
          "names in the file have '\(entry).' before them: say so with 'entry' or 'names', such as entry: \(entry)"
      }
    }
    return nil
  }

  /// - Throws: if a parameter has been in none of the files.
  public func finish() throws(Failure) {
    for parameter in weights.layout.parameters where !found.contains(parameter.name) {
      throw Failure(.malformed, "the parameter '\(parameter.name)' is missing in the file")
    }
  }

  private mutating func read(
    _ tensor: TensorDescriptor, of file: some TensorFile, to parameter: ParameterLayout.Parameter,
    isTransposed: Bool
  ) throws(Failure) {
    let shape = isTransposed ? tensor.shape.reversed() : tensor.shape
    guard shape == parameter.shape, !isTransposed || shape.count == 2 else {
      throw Failure(
        .malformed, "the parameter '\(tensor.name)' has the shape \(tensor.shape), not \(parameter.shape)",
        hint: tensor.shape.reversed() == parameter.shape
          ? "if the file has it the other way round, name it in 'transposed'" : nil)
    }
    var values = try file.floats(tensor)
    if isTransposed {
      let (rows, columns) = (shape[0], shape[1])
      values = (0..<values.count).map { [values] in values[$0 % columns * rows + $0 / columns] }
    }
    let target = weights[parameter]
    if found.insert(parameter.name).inserted {
      _ = target.update(fromContentsOf: values)
    } else if !zip(values, target).allSatisfy({ $0.bitPattern == $1.bitPattern }) {
      throw Failure(
        .malformed, "the parameter '\(parameter.name)' is given twice, and '\(tensor.name)' is another one",
        hint: "where embedding and output matrix differ, tie_word_embeddings is false")
    }
  }

  private static func isPassedOver(_ name: String) -> Bool {
    [
      ".attn.bias", ".attn.masked_bias", ".attention.bias", ".attention.masked_bias", ".rotary_emb.inv_freq",
    ]
    .contains { ("." + name).hasSuffix($0) }
  }
}

extension TensorFile {
  /// The elements of a tensor as float32.
  fileprivate func floats(_ tensor: TensorDescriptor) throws(Failure) -> [Float] {
    func elements<Element: BitwiseCopyable>(_ float: (Element) -> Float) -> [Float] {
      bytes(of: tensor).withUnsafeBytes { bytes in
        (0..<tensor.count).map {
          float(bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Element>.size, as: Element.self))
        }
      }
    }
    switch tensor.dtype {
    case .float64: return elements { (bits: UInt64) in Float(Double(bitPattern: bits)) }
    case .float32: return elements { (bits: UInt32) in Float(bitPattern: bits) }
    case .bfloat16: return elements { (bits: UInt16) in Float(bitPattern: UInt32(bits) << 16) }
    case .float16: return elements(Float.init(half:))
    default:
      throw Failure(
        .unusable, "the parameter '\(tensor.name)' has the dtype \(tensor.dtype.rawValue)",
        hint: "weights are read as F64, F32, F16 or BF16")
    }
  }
}

extension Float {
  /// The value of a number in half precision (IEEE 754 binary16).
  fileprivate init(half bits: UInt16) {
    let sign = UInt32(bits & 0x8000) << 16
    let magnitude = UInt32(bits & 0x7FFF) << 13
    if bits & 0x7C00 == 0x7C00 {
      self.init(bitPattern: sign | 0x7F80_0000 | magnitude)
    } else {
      // The exponent is biased by 15, not by 127; the product is exact for numbers below the normal ones as well.
      self = Float(bitPattern: sign | magnitude) * 0x1p112
    }
  }
}
