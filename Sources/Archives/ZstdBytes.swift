internal import CZstd
package import System

/// What bytes hold that zstd has compressed, frame after frame.
package final class ZstdBytes: ByteStream {
  private let source: any ByteStream
  private let context: OpaquePointer
  private let input = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 17, alignment: 64)
  private var taken = 0
  private var filled = 0
  /// What the frame that is read still wants; 0 between two frames.
  private var wanted = 0

  package init(_ source: any ByteStream) {
    guard let context = ZSTD_createDCtx() else { fatalError("out of memory") }
    self.context = context
    self.source = source
  }

  deinit {
    ZSTD_freeDCtx(context)
    input.deallocate()
  }

  /// - Throws: `.malformed` for what zstd cannot read, and `.refused` for what takes more memory than it grants by itself (128 MiB).
  package func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    var output = ZSTD_outBuffer(dst: buffer.baseAddress, size: buffer.count, pos: 0)
    while output.pos < output.size {
      if taken == filled {
        filled = try source.read(into: input)
        taken = 0
        if filled == 0 {
          if wanted == 0 { break }
          // It may hold some back for which there was no room.
          let before = output.pos
          try step(&output)
          if output.pos > before { continue }
          throw Failure(.malformed, "compressed bytes are cut off")
        }
      }
      try step(&output)
    }
    return output.pos
  }

  private func step(_ output: inout ZSTD_outBuffer) throws {
    var bytes = ZSTD_inBuffer(src: input.baseAddress, size: filled, pos: taken)
    let result = ZSTD_decompressStream(context, &output, &bytes)
    if ZSTD_isError(result) != 0 {
      if ZSTD_getErrorCode(result) == ZSTD_error_frameParameter_windowTooLarge {
        throw Failure(
          .refused, "it is compressed with a window of more than 128 MiB, as zstd --long makes it",
          hint: "compress it anew without --long, or with --long=27")
      }
      throw Failure(.malformed, "compressed bytes are damaged: \(String(cString: ZSTD_getErrorName(result)))")
    }
    taken = bytes.pos
    wanted = result
  }
}
