internal import Safetensors

/// Plans which parts of a safetensors file are stored as a difference from which parts of another one: tensors of the same
/// name, type and shape, wherever they stand there.
struct DeltaPlanner {
  private let header: SafetensorsHeader
  private let base: [String: TensorDescriptor]
  private let baseOffset: Int
  private let moments: MomentPairs
  private let weights: UpdatedWeights?

  /// - Parameter states: what may hold the moments of the update that made the object.
  /// - Returns: nil if one of the two is no safetensors file, or if no weights follow from the moments that there are to be.
  init?(_ object: StoredObject, against base: StoredObject, updatedBy states: MomentSource? = nil) throws {
    guard let header = try object.tensors(), let other = try base.tensors() else { return nil }
    self.header = header
    self.base = Dictionary(other.tensors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    baseOffset = other.dataOffset
    moments = try MomentPairs(object, header, against: base, other)
    weights = try states.flatMap { try UpdatedWeights(object, header, against: base, other, $0) }
    if states != nil, weights == nil { return nil }
  }

  /// The chunks of the file, those of tensors that the base has, too, with their places there.
  /// - Returns: nil if no tensor has its like there.
  var chunks: [ChunkPlan]? {
    // Who reads the object reads the base once, from its start to its end: what stands there in another order stays plain.
    var end = 0
    var chunks = ChunkPlan.chunks(of: header, against: like).map { chunk in
      guard let delta = chunk.delta else { return chunk }
      if delta.base < end { return ChunkPlan(length: chunk.length, codec: chunk.codec, width: chunk.width) }
      end = delta.base + chunk.length
      return chunk
    }
    if end == 0 { return nil }
    moments.plan(&chunks)
    weights?.plan(&chunks)
    return chunks
  }

  /// The same tensor in the base.
  private func like(_ tensor: TensorDescriptor) -> ChunkPlan.Like? {
    guard let other = base[tensor.name], other.dtype == tensor.dtype, other.shape == tensor.shape,
      tensor.dtype != .bool
    else { return nil }
    return .init(
      codec: tensor.dtype.isFloat ? .floatDeltas : .integerDeltas, width: tensor.dtype.size,
      shift: baseOffset + other.offset - header.dataOffset - tensor.offset,
      pair: moments.pair(of: tensor), moments: weights?.places(of: tensor))
  }
}

extension StoredObject {
  /// The header of one that is a safetensors file with a header of usual size; nil of any other.
  func tensors() throws -> SafetensorsHeader? {
    try ChunkPlan.header(size: size) { count in
      var bytes = [UInt8](repeating: 0, count: count)
      try bytes.withUnsafeMutableBytes { try read(into: $0, at: 0) }
      return bytes[...]
    }
  }
}

extension StoredObject {
  /// Numbers of a tensor in float32, from a place of the file on.
  func floats(_ count: Int, at place: Int) throws -> [Float] {
    var bytes = [UInt8](repeating: 0, count: count * Moments.width)
    try bytes.withUnsafeMutableBytes { try read(into: $0, at: place) }
    return (0..<count).map {
      Float(bitPattern: bytes.littleEndian(at: Moments.width * $0, as: UInt32.self))
    }
  }
}

extension DType {
  fileprivate var isFloat: Bool {
    switch self {
    case .float8e4m3, .float8e5m2, .float16, .bfloat16, .float32, .float64: true
    case .bool, .int8, .uint8, .int16, .uint16, .int32, .uint32, .int64, .uint64: false
    }
  }
}
