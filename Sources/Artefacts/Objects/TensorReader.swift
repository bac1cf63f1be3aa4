public import Safetensors
import System

/// The tensors of a safetensors file that is an object, each read without the others.
public struct TensorReader: Sendable {
  public let header: SafetensorsHeader
  private let object: any PartlyReadable

  /// Bytes that are read at once.
  private static let piece = 1 << 20

  /// Reads the header and nothing else.
  /// - Throws: `.malformed` if the object is no safetensors file.
  public init(_ object: any PartlyReadable) throws {
    self.object = object
    do {
      let start = try TensorReader.bytes(of: object, min(8, object.size))
      let size = try SafetensorsHeader.size(start, fileSize: object.size)
      header = try SafetensorsHeader(TensorReader.bytes(of: object, size), fileSize: object.size)
    } catch let error as Failure where error.code == .malformed {
      throw Failure(
        .malformed, "\(object.digest) is no safetensors file, and so has no tensors: \(error.headline)",
        facts: error.facts, hint: "leave out what follows '#'", object: object.digest, cause: error)
    }
  }

  public func descriptor(_ name: String) -> TensorDescriptor? { header.tensors.first { $0.name == name } }

  /// Hands out one tensor as a safetensors file that holds nothing else.
  /// - Precondition: the descriptor is one of this file's.
  public func write(_ tensor: TensorDescriptor, to output: (UnsafeRawBufferPointer) throws -> Void) throws {
    let writer = try SafetensorsWriter([(tensor.name, tensor.dtype, tensor.shape)])
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(1, min(tensor.size, TensorReader.piece)), alignment: 64)
    defer { buffer.deallocate() }
    try writer.write(
      { _, pass in
        var done = 0
        while done < tensor.size {
          try Task.checkCancellation()
          let part = UnsafeMutableRawBufferPointer(
            rebasing: buffer[..<min(tensor.size - done, TensorReader.piece)])
          try object.read(into: part, at: header.dataOffset + tensor.offset + done)
          try pass(UnsafeRawBufferPointer(part))
          done += part.count
        }
      }, to: output)
  }

  /// The first bytes.
  private static func bytes(of object: any PartlyReadable, _ count: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: count)
    try bytes.withUnsafeMutableBytes { try object.read(into: $0, at: 0) }
    return bytes
  }
}
