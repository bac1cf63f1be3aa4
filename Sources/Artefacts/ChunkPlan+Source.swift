extension ChunkPlan {
  /// How to cut and code a file.
  static func chunks(of file: borrowing InputFile) throws -> [ChunkPlan] { plain(file.size) }
  static func chunks(of bytes: [UInt8]) -> [ChunkPlan] { plain(bytes.count) }

  static func plain(_ size: Int) -> [ChunkPlan] {
    stride(from: 0, to: size, by: ObjectFormat.chunkLimit).map { start in
      ChunkPlan(length: min(ObjectFormat.chunkLimit, size - start), codec: .plain, width: 1)
    }
  }
}
