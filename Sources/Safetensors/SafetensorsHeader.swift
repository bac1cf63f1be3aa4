internal import JSON
public import System

/// The header of a safetensors file: a length of 8 bytes (little-endian), that many bytes of JSON, and then the tensors'
/// bytes without gaps.
///
/// Format: https://github.com/huggingface/safetensors#format
public struct SafetensorsHeader: Hashable, Sendable {
  /// In the order of their bytes.
  public let tensors: [TensorDescriptor]
  /// Free text by name, from the member `__metadata__`.
  public let metadata: [String: String]
  /// Offset in the file of the first tensor's first byte.
  public let dataOffset: Int

  /// Bytes of all tensors.
  public var dataSize: Int { tensors.last?.range.upperBound ?? 0 }

  /// Bytes of JSON, at most.
  public static let limit = 100_000_000
  static let metadataName = "__metadata__"

  /// How many bytes at the start of a file the header takes, the length itself included.
  /// - Parameters:
  ///   - start: the first eight bytes, or more.
  ///   - fileSize: of the whole file, in bytes.
  /// - Throws: if there is no room for a header of that length, or it is longer than `limit`.
  public static func size(
    _ start: some Collection<UInt8>, fileSize: Int
  ) throws(Failure) -> Int {
    guard start.count >= 8, fileSize >= 8 else {
      throw Failure(.malformed, "the file has no room for a header")
    }
    let length = start.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= UInt64(limit) else {
      throw Failure(
        .malformed,
        "the header's length, \(length), is more than the \(limit) bytes that are allowed")
    }
    guard Int(length) <= fileSize - 8 else {
      throw Failure(.malformed, "the header's length, \(length), is more than the file has")
    }
    return 8 + Int(length)
  }

  /// Reads the header of a file.
  /// - Parameters:
  ///   - bytes: the start of the file, at least as long as `size(_:fileSize:)` says.
  ///   - fileSize: of the whole file, in bytes. The tensors have to fill it exactly.
  public init(_ bytes: some RandomAccessCollection<UInt8>, fileSize: Int) throws(Failure) {
    let size = try SafetensorsHeader.size(bytes, fileSize: fileSize)
    guard bytes.count >= size else { throw Failure(.malformed, "the header is cut short") }
    let json: JSON
    do {
      json = try JSON(parsing: Array(bytes.prefix(size).dropFirst(8)))
    } catch {
      throw Failure(.malformed, "the header is not JSON: \(error)", cause: error)
    }
    guard var members = json.object else {
      throw Failure(.malformed, "the header is \(json.kind), not an object")
    }

    var metadata: [String: String] = [:]
    if let texts = members.removeValue(forKey: SafetensorsHeader.metadataName) {
      guard let texts = texts.object else {
        throw Failure(.malformed, "'__metadata__' is \(texts.kind), not an object")
      }
      for (name, value) in texts {
        guard let text = value.string else {
          throw Failure(.malformed, "'\(name)' in '__metadata__' is \(value.kind), not a string")
        }
        metadata[name] = text
      }
    }

    var tensors: [TensorDescriptor] = []
    tensors.reserveCapacity(members.count)
    for (name, member) in members { tensors.append(try SafetensorsHeader.tensor(name, member)) }
    try self.init(tensors, metadata: metadata, dataOffset: size)
    guard dataSize == fileSize - size else {
      throw Failure(
        .malformed,
        "the tensors have \(dataSize) bytes, but the file has \(fileSize - size) for them")
    }
  }

  /// - Parameter tensors: in any order.
  init(
    _ tensors: [TensorDescriptor], metadata: [String: String], dataOffset: Int
  ) throws(Failure) {
    self.tensors = tensors.sorted { a, b in
      (a.offset, a.size) != (b.offset, b.size)
        ? (a.offset, a.size) < (b.offset, b.size) : a.name.utf8.lexicographicallyPrecedes(b.name.utf8)
    }
    var end = 0
    for tensor in self.tensors {
      if tensor.offset != end {
        let what = tensor.offset < end ? "overlaps the tensor before it" : "leaves a gap before it"
        throw Failure(.malformed, "the tensor '\(tensor.name)' \(what)")
      }
      end = tensor.range.upperBound
    }
    self.metadata = metadata
    self.dataOffset = dataOffset
  }

  private static func tensor(_ name: String, _ json: JSON) throws(Failure) -> TensorDescriptor {
    guard let type = json["dtype"]?.string else {
      throw Failure(.malformed, "the tensor '\(name)' has no dtype")
    }
    guard let dtype = DType(rawValue: type) else {
      throw Failure(.malformed, "the tensor '\(name)' has the unknown dtype \(type)")
    }
    guard let list = json["shape"]?.array else {
      throw Failure(.malformed, "the tensor '\(name)' has no shape")
    }
    let shape = list.compactMap(\.integer)
    guard shape.count == list.count else {
      throw Failure(.malformed, "the shape of the tensor '\(name)' is not a list of whole numbers")
    }
    guard let offsets = json["data_offsets"]?.array?.map(\.integer), offsets.count == 2,
      let begin = offsets[0], let end = offsets[1]
    else { throw Failure(.malformed, "the data_offsets of the tensor '\(name)' are not two whole numbers") }

    let tensor = try TensorDescriptor(name: name, dtype: dtype, shape: shape, offset: begin)
    guard tensor.range.upperBound == end else {
      throw Failure(
        .malformed,
        "the tensor '\(name)' stands at \(begin)..<\(end), but its dtype and shape need \(tensor.size) bytes")
    }
    return tensor
  }
}
