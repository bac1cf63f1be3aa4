internal import JSON
public import System

/// Writes a safetensors file piece by piece: the header first, then the tensors sorted by the UTF-8 bytes of their names.
/// The same tensors give the same bytes on every machine.
public struct SafetensorsWriter: Sendable {
  public let header: SafetensorsHeader
  /// The file up to the first tensor's first byte, a multiple of eight bytes.
  public let headerBytes: [UInt8]

  /// - Throws: if two tensors have one name, a shape is out of range, or the header is longer than may be.
  public init(
    _ tensors: [(name: String, dtype: DType, shape: [Int])], metadata: [String: String] = [:]
  ) throws(Failure) {
    var members: [String: JSON] = [:]
    if !metadata.isEmpty {
      members[SafetensorsHeader.metadataName] = .object(metadata.mapValues { .string($0) })
    }
    var descriptors: [TensorDescriptor] = []
    var end = 0
    for (name, dtype, shape) in tensors.sorted(by: { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }) {
      let tensor = try TensorDescriptor(name: name, dtype: dtype, shape: shape, offset: end)
      end = tensor.range.upperBound
      descriptors.append(tensor)
      let member: JSON = [
        "dtype": .string(dtype.rawValue), "shape": .array(shape.map { .integer(Int64($0)) }),
        "data_offsets": .array([.integer(Int64(tensor.offset)), .integer(Int64(end))]),
      ]
      if name == SafetensorsHeader.metadataName || members.updateValue(member, forKey: name) != nil {
        throw Failure(.malformed, "the name '\(name)' is taken")
      }
    }
    var json = JSON.object(members).canonicalBytes
    json += repeatElement(UInt8(ascii: " "), count: (8 - json.count % 8) % 8)
    guard json.count <= SafetensorsHeader.limit else {
      throw Failure(.malformed, "the header would be longer than \(SafetensorsHeader.limit) bytes")
    }
    headerBytes = withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) } + json
    header = try SafetensorsHeader(descriptors, metadata: metadata, dataOffset: headerBytes.count)
  }

  /// Hands out the file in pieces, in order.
  /// - Parameters:
  ///   - tensor: is called for each tensor, in the order of `header.tensors`, and passes its bytes on, in any number of
  ///     pieces. A tensor with another number of bytes than its shape needs is an error.
  ///   - output: takes the pieces.
  public func write(
    _ tensor: (TensorDescriptor, (UnsafeRawBufferPointer) throws -> Void) throws -> Void,
    to output: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    try headerBytes.withUnsafeBytes(output)
    try withoutActuallyEscaping(output) { output in
      for descriptor in header.tensors {
        var count = 0
        try tensor(descriptor) { bytes in
          count += bytes.count
          try output(bytes)
        }
        if count != descriptor.size {
          throw Failure(
            .malformed,
            "the tensor '\(descriptor.name)' needs \(descriptor.size) bytes, but was given \(count)")
        }
      }
    }
  }
}
