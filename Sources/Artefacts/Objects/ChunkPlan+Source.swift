internal import Safetensors
internal import System

extension ChunkPlan {
  /// How to cut and code a file: a safetensors file along its tensors, any other into plain pieces.
  static func chunks(of file: borrowing InputFile) throws -> [ChunkPlan] {
    try chunks(size: file.size) { count in
      var bytes = [UInt8](repeating: 0, count: count)
      let got = try bytes.withUnsafeMutableBytes { try file.read(into: $0, at: 0) }
      return bytes.prefix(got)
    }
  }

  static func chunks(of bytes: [UInt8]) -> [ChunkPlan] {
    chunks(size: bytes.count) { bytes.prefix($0) }
  }

  static func chunks(of source: ByteSource) throws -> [ChunkPlan] {
    try chunks(size: source.size) { try source.start($0)[...] }
  }

  /// Headers longer than this are not looked at, nor files too small to gain by it.
  private static let headerLimit = 16 << 20
  private static let smallest = 4 << 10

  private static func chunks<Failure: Error>(
    size: Int, start: (Int) throws(Failure) -> ArraySlice<UInt8>
  ) throws(Failure) -> [ChunkPlan] {
    if let header = try header(size: size, start: start) { return chunks(of: header) }
    return cut(size, Coding(codec: .plain, width: 1))
  }

  /// The header of a file that is a safetensors file and worth being looked at as one; nil of any other.
  /// - Parameter start: gives as many of the file's first bytes as it is asked for.
  static func header<Failure: Error>(
    size: Int, start: (Int) throws(Failure) -> ArraySlice<UInt8>
  ) throws(Failure) -> SafetensorsHeader? {
    guard size >= smallest else { return nil }
    let opening = try start(9)
    guard opening.last == UInt8(ascii: "{"),
      let length = try? SafetensorsHeader.size(opening, fileSize: size), length <= headerLimit
    else { return nil }
    return try? SafetensorsHeader(try start(length), fileSize: size)
  }

  /// The like of a tensor in another file.
  struct Like: Hashable {
    /// How a difference from it is coded.
    let codec: Codec
    let width: Int
    /// By how many bytes it stands further behind in its file.
    let shift: Int
    var pair: ChunkPlan.Pair?
    /// Of weights that an update has made, by how many bytes its moments stand further behind in theirs.
    var moments: MomentPlaces?
  }

  private struct Coding: Hashable {
    let codec: Codec
    let width: Int
    var like: Like?
  }

  /// Tensors of one element type that follow each other share chunks while these are small; otherwise chunks end where
  /// tensors do, since different tensors have different statistics.
  /// - Parameter like: finds the like of a tensor in the file of which this one is to be a difference.
  static func chunks(
    of header: SafetensorsHeader, against like: (TensorDescriptor) -> Like? = { _ in nil }
  ) -> [ChunkPlan] {
    var chunks = cut(header.dataOffset, Coding(codec: .plain, width: 1))
    var open = (start: header.dataOffset, length: 0, coding: Coding(codec: .plain, width: 1))
    func close() {
      chunks += cut(open.length, open.coding, at: open.start)
      open = (open.start + open.length, 0, open.coding)
    }
    for tensor in header.tensors where tensor.size > 0 {
      var coding = coding(tensor.dtype)
      coding.like = like(tensor)
      let sharesChunk =
        open.length + tensor.size <= ObjectFormat.chunkLimit && open.length < ObjectFormat.chunkLimit / 4
      if coding != open.coding || !sharesChunk { close() }
      open = (open.start, open.length + tensor.size, coding)
    }
    close()
    return chunks
  }

  private static func coding(_ dtype: DType) -> Coding {
    switch dtype {
    case .float16, .bfloat16, .float32, .float64: Coding(codec: .floatPlanes, width: dtype.size)
    case .int16, .uint16, .int32, .uint32, .int64, .uint64: Coding(codec: .integerPlanes, width: dtype.size)
    case .bool, .int8, .uint8, .float8e4m3, .float8e5m2: Coding(codec: .plain, width: 1)
    }
  }

  /// - Parameter start: where the bytes start in the file.
  private static func cut(_ size: Int, _ coding: Coding, at start: Int = 0) -> [ChunkPlan] {
    stride(from: 0, to: size, by: ObjectFormat.chunkLimit).map { place in
      ChunkPlan(
        length: min(ObjectFormat.chunkLimit, size - place), codec: coding.codec, width: coding.width,
        delta: coding.like.map {
          var delta = Delta(
            codec: $0.codec, width: $0.width, base: start + place + $0.shift, pair: $0.pair)
          if let moments = $0.moments {
            delta.update = Update(
              places: MomentPlaces(
                first: start + place + moments.first, second: start + place + moments.second))
          }
          return delta
        })
    }
  }
}
