package import System

/// A tensor in a safetensors file: its name, type and shape, and where its bytes are.
public struct TensorDescriptor: Hashable, Sendable {
  public let name: String
  public let dtype: DType
  /// Row-major, the last dimension being the one that runs fastest. Empty for a scalar.
  public let shape: [Int]
  /// Of the tensor's first byte, counted from the end of the header.
  public let offset: Int
  /// Bytes.
  public let size: Int

  public var range: Range<Int> { offset..<offset + size }
  /// Elements.
  public var count: Int { size / dtype.size }

  /// - Throws: if the shape has a negative dimension or more bytes than an `Int` can count.
  package init(name: String, dtype: DType, shape: [Int], offset: Int) throws(Failure) {
    var size = dtype.size
    for dimension in shape {
      let (product, overflow) = size.multipliedReportingOverflow(by: dimension)
      if dimension < 0 || overflow {
        throw Failure(.malformed, "the shape \(shape) of the tensor '\(name)' is out of range")
      }
      size = product
    }
    if offset < 0 || offset.addingReportingOverflow(size).overflow {
      throw Failure(.malformed, "the tensor '\(name)' is out of range")
    }
    self.name = name
    self.dtype = dtype
    self.shape = shape
    self.offset = offset
    self.size = size
  }
}
