public import Safetensors
public import System

/// The tensors of a file that `torch.save` wrote (PyTorch 1.6 and later): a ZIP archive with a pickle that describes them and
/// a file of numbers for each storage. The pickle is read and never executed: what is no dictionary, list, text, number or
/// tensor in it stays a name.
///
/// The tensors of nested dictionaries have the names of all of them, joined by points: `model.wte.weight`.
public struct TorchFile: TensorFile {
  /// In the order of the file.
  public private(set) var tensors: [TensorDescriptor] = []
  private let archive: ZipArchive
  /// Where the elements of each tensor stand.
  private var views: [String: View] = [:]
  /// Entries of dictionaries that were looked at: one that is held twice counts twice.
  private var visited = 0

  private struct View {
    let storage: ArraySlice<UInt8>
    /// In elements.
    let offset: Int
    let strides: [Int]
  }

  /// More tensors, entries of dictionaries, dictionaries in each other, or bytes of a name are refused.
  private static let mostTensors = 1 << 18
  private static let mostEntries = 1 << 20
  private static let deepest = 64
  private static let longestName = 1 << 12

  /// - Throws: `Failure.malformed` for what is no such file, or holds what no state dictionary needs.
  public init(_ bytes: [UInt8]) throws(Failure) {
    archive = try ZipArchive(bytes)
    guard let root = archive.entries.keys.filter({ $0 == "data.pkl" || $0.hasSuffix("/data.pkl") }).min(),
      let pickle = archive[root]
    else { throw ZipArchive.malformed("it has no data.pkl") }
    let folder = String(root.dropLast("data.pkl".count))
    if let order = archive[folder + "byteorder"], !order.elementsEqual("little".utf8) {
      throw Failure(.malformed, "its numbers are big-endian, which is not supported")
    }
    let machine = Pickle(pickle)
    try add(try machine.run(), name: "", folder: folder, depth: 0)
    withExtendedLifetime(machine) {}
    if tensors.isEmpty {
      throw Failure(
        .malformed, "this file of torch.save has no dictionary of tensors",
        hint: "a whole model is code, which is not executed: save torch.save(model.state_dict(), FILE)")
    }
  }

  private mutating func add(
    _ value: PickleValue, name: String, folder: String, depth: Int
  ) throws(Failure) {
    switch value {
    case .dictionary(let dictionary):
      guard depth < Self.deepest else { throw ZipArchive.malformed("its dictionaries are nested too deeply") }
      for (key, value) in dictionary.entries {
        visited += 1
        guard visited <= Self.mostEntries else {
          throw ZipArchive.malformed("its dictionaries have more than \(Self.mostEntries) entries")
        }
        guard case .text(let key) = key else { continue }
        guard name.utf8.count + key.utf8.count < Self.longestName else {
          throw ZipArchive.malformed("a name in it is longer than \(Self.longestName) bytes")
        }
        try add(value, name: name.isEmpty ? key : "\(name).\(key)", folder: folder, depth: depth + 1)
      }
    case .call(.global("torch._utils._rebuild_tensor_v2"), .tuple(let arguments)):
      try add(tensor: arguments, name: name, folder: folder)
    case .call(.global("torch._utils._rebuild_parameter"), .tuple(let arguments)):
      if let data = arguments.first { try add(data, name: name, folder: folder, depth: depth + 1) }
    default: break
    }
  }

  /// `_rebuild_tensor_v2(storage, offset, shape, strides, ...)`, where the storage is `("storage", type, key, device, count)`.
  private mutating func add(tensor arguments: [PickleValue], name: String, folder: String) throws(Failure) {
    func damaged(_ what: String) -> Failure { Failure(.malformed, "the tensor '\(name)' \(what)") }
    func numbers(_ value: PickleValue) -> [Int]? {
      guard case .tuple(let values) = value, values.count <= 32 else { return nil }
      let numbers = values.compactMap { value -> Int? in
        if case .integer(let number) = value, number >= 0 { number } else { nil }
      }
      return numbers.count == values.count ? numbers : nil
    }
    guard arguments.count >= 4, case .persistent(.tuple(let storage)) = arguments[0], storage.count >= 3,
      case .global(let type) = storage[1], case .text(let key) = storage[2],
      case .integer(let offset) = arguments[1], offset >= 0, let shape = numbers(arguments[2]),
      let strides = numbers(arguments[3]), strides.count == shape.count
    else { throw damaged("is not described as PyTorch does it") }
    guard let dtype = Self.types[type] else {
      throw damaged("is of the type '\(type)', which is not supported")
    }
    guard let contents = archive["\(folder)data/\(key)"] else {
      throw damaged("has no numbers: '\(key)' is missing")
    }
    guard tensors.count < Self.mostTensors else { throw ZipArchive.malformed("it has too many tensors") }
    // The last element has to stand in the storage.
    var (count, last) = (1, offset)
    for (length, stride) in zip(shape, strides) {
      let (product, overflows) = count.multipliedReportingOverflow(by: length)
      let (way, leads) = max(0, length - 1).multipliedReportingOverflow(by: stride)
      let (end, beyond) = last.addingReportingOverflow(way)
      guard !overflows, !leads, !beyond else { throw damaged("is too large") }
      (count, last) = (product, end)
    }
    let elements = contents.count / dtype.size
    guard count == 0 || last < elements else { throw damaged("reaches beyond its numbers") }
    // A broadcast tensor can claim any size.
    guard count <= elements else { throw damaged("has more elements than numbers") }
    guard views.updateValue(View(storage: contents, offset: offset, strides: strides), forKey: name) == nil
    else {
      throw damaged("is there twice")
    }
    tensors.append(try TensorDescriptor(name: name, dtype: dtype, shape: shape, offset: 0))
  }

  private static let types: [String: DType] = [
    "torch.FloatStorage": .float32, "torch.DoubleStorage": .float64, "torch.HalfStorage": .float16,
    "torch.BFloat16Storage": .bfloat16, "torch.LongStorage": .int64, "torch.IntStorage": .int32,
    "torch.ShortStorage": .int16, "torch.CharStorage": .int8, "torch.ByteStorage": .uint8,
    "torch.BoolStorage": .bool,
  ]

  public func bytes(of tensor: TensorDescriptor) -> ArraySlice<UInt8> {
    guard let view = views[tensor.name] else { preconditionFailure("the tensor is another file's") }
    // A tensor without elements may claim to stand anywhere.
    if tensor.count == 0 { return [] }
    let size = tensor.dtype.size
    var contiguous: [Int] = []
    for length in tensor.shape.reversed() {
      contiguous.insert((contiguous.first ?? 1) * max(1, length), at: 0)
    }
    let plain = zip(contiguous.dropFirst() + [1], zip(view.strides, tensor.shape)).allSatisfy {
      $0 == $1.0 || $1.1 <= 1
    }
    let start = view.storage.startIndex + view.offset * size
    if plain { return view.storage[start..<start + tensor.size] }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(tensor.count * size)
    var index = [Int](repeating: 0, count: tensor.shape.count)
    for _ in 0..<tensor.count {
      let place = start + zip(index, view.strides).reduce(0) { $0 + $1.0 * $1.1 } * size
      bytes += view.storage[place..<place + size]
      for dimension in index.indices.reversed() {
        index[dimension] += 1
        if index[dimension] < tensor.shape[dimension] { break }
        index[dimension] = 0
      }
    }
    return bytes[...]
  }
}
