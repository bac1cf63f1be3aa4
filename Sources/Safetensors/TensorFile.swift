/// A file of tensors, in whatever form.
public protocol TensorFile {
  var tensors: [TensorDescriptor] { get }

  /// The elements of a tensor one after the other, the last dimension fastest.
  ///
  /// - Precondition: the descriptor is one of this file's.
  func bytes(of tensor: TensorDescriptor) -> ArraySlice<UInt8>
}

extension SafetensorsFile: TensorFile {
  public var tensors: [TensorDescriptor] { header.tensors }
  public func bytes(of tensor: TensorDescriptor) -> ArraySlice<UInt8> { self[tensor] }
}
