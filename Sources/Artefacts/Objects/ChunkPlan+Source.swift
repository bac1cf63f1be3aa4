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

  /// Headers longer than this are not looked at, nor files too small to gain by it.
  private static let headerLimit = 16 << 20
  private static let smallest = 4 << 10

  private static func chunks<Failure: Error>(
    size: Int, start: (Int) throws(Failure) -> ArraySlice<UInt8>
  ) throws(Failure) -> [ChunkPlan] {
    if size >= smallest {
      let opening = try start(9)
      if opening.last == UInt8(ascii: "{"),
        let length = try? SafetensorsHeader.size(opening, fileSize: size), length <= headerLimit
      {
        let bytes = try start(length)
        if let header = try? SafetensorsHeader(bytes, fileSize: size) { return chunks(of: header) }
      }
    }
    return cut(size, .plain, width: 1)
  }

  /// Tensors of one element type that follow each other share chunks while these are small; otherwise chunks end where
  /// tensors do, since different tensors have different statistics.
  private static func chunks(of header: SafetensorsHeader) -> [ChunkPlan] {
    var chunks = cut(header.dataOffset, .plain, width: 1)
    var open = (length: 0, codec: Codec.plain, width: 1)
    func close() {
      chunks += cut(open.length, open.codec, width: open.width)
      open.length = 0
    }
    for tensor in header.tensors where tensor.size > 0 {
      let (codec, width) = coding(tensor.dtype)
      let sharesChunk =
        open.length + tensor.size <= ObjectFormat.chunkLimit && open.length < ObjectFormat.chunkLimit / 4
      if (codec, width) != (open.codec, open.width) || !sharesChunk { close() }
      open = (open.length + tensor.size, codec, width)
    }
    close()
    return chunks
  }

  private static func coding(_ dtype: DType) -> (Codec, width: Int) {
    switch dtype {
    case .float16, .bfloat16, .float32, .float64: (.floatPlanes, dtype.size)
    case .int16, .uint16, .int32, .uint32, .int64, .uint64: (.integerPlanes, dtype.size)
    case .bool, .int8, .uint8, .float8e4m3, .float8e5m2: (.plain, 1)
    }
  }

  private static func cut(_ size: Int, _ codec: Codec, width: Int) -> [ChunkPlan] {
    stride(from: 0, to: size, by: ObjectFormat.chunkLimit).map { start in
      ChunkPlan(length: min(ObjectFormat.chunkLimit, size - start), codec: codec, width: width)
    }
  }
}
