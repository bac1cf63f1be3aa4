public import System

/// A safetensors file in memory. Tensors are views of its bytes.
public struct SafetensorsFile: Sendable {
  public let header: SafetensorsHeader
  private let bytes: [UInt8]
  private let positions: [String: Int]

  public init(_ bytes: [UInt8]) throws(Failure) {
    header = try SafetensorsHeader(bytes, fileSize: bytes.count)
    self.bytes = bytes
    positions = Dictionary(
      header.tensors.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  public func descriptor(_ name: String) -> TensorDescriptor? { positions[name].map { header.tensors[$0] } }

  /// The bytes of a tensor, not copied; nil if there is none of this name.
  public subscript(_ name: String) -> ArraySlice<UInt8>? { descriptor(name).map { self[$0] } }

  /// - Precondition: the descriptor is one of this file's.
  public subscript(_ tensor: TensorDescriptor) -> ArraySlice<UInt8> {
    bytes[header.dataOffset + tensor.offset..<header.dataOffset + tensor.range.upperBound]
  }

  /// The elements of a tensor as numbers of the processor.
  /// - Throws: if there is no tensor of this name, or its elements have another type than `dtype`.
  /// - Precondition: `Element` has as many bytes as an element of `dtype`.
  public func elements<Element: BitwiseCopyable>(
    _ name: String, _ dtype: DType, as: Element.Type = Element.self
  ) throws(Failure) -> [Element] {
    precondition(MemoryLayout<Element>.stride == dtype.size, "\(Element.self) does not hold \(dtype)")
    guard let tensor = descriptor(name) else { throw Failure(.malformed, "there is no tensor '\(name)'") }
    guard tensor.dtype == dtype else {
      throw Failure(
        .malformed,
        "the tensor '\(name)' has the dtype \(tensor.dtype.rawValue), not \(dtype.rawValue)")
    }
    return [Element](unsafeUninitializedCapacity: tensor.count) { buffer, count in
      self[tensor].withUnsafeBytes { UnsafeMutableRawBufferPointer(buffer).copyMemory(from: $0) }
      count = tensor.count
    }
  }
}
