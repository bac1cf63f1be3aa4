internal import CZstd
internal import System

/// Compresses to single standard frames that carry their content's size and checksum.
final class Compressor {
  enum Mode {
    case level(Int32)
    /// Huffman coding, with a search for matches that gives up the sooner the higher the haste; at the highest there is
    /// hardly any. For bytes that are skewed but not repetitive, on which a thorough search costs space as well as time.
    case huffman(haste: Int32)
    /// The bytes as they are, in a frame.
    case raw
  }

  private let context: OpaquePointer

  init() {
    guard let context = ZSTD_createCCtx() else { fatalError("out of memory") }
    self.context = context
  }

  deinit { ZSTD_freeCCtx(context) }

  /// - Parameter target: holds at least `bound(bytes.count)`.
  /// - Returns: the number of bytes written.
  func compress(
    _ bytes: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer, _ mode: Mode
  ) -> Int {
    let (level, literals) =
      switch mode {
      case .level(let level): (level, BRAKE_ZSTD_lcm_auto)
      case .huffman(let haste): (max(-haste, ZSTD_minCLevel()), BRAKE_ZSTD_lcm_huffman)
      case .raw: (ZSTD_minCLevel(), BRAKE_ZSTD_lcm_uncompressed)
      }
    ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters)
    ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level)
    ZSTD_CCtx_setParameter(context, BRAKE_ZSTD_c_literalCompressionMode, literals)
    ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
    let count = ZSTD_compress2(context, target.baseAddress, target.count, bytes.baseAddress, bytes.count)
    // With room for the bound it fails only for want of memory.
    precondition(ZSTD_isError(count) == 0, String(cString: ZSTD_getErrorName(count)))
    return count
  }

  static func bound(_ count: Int) -> Int { ZSTD_compressBound(count) }
}

/// Decompresses single frames of known content size, and accepts only frames as `Compressor` writes them.
final class Decompressor {
  private let context: OpaquePointer

  init() {
    guard let context = ZSTD_createDCtx() else { fatalError("out of memory") }
    self.context = context
  }

  deinit { ZSTD_freeDCtx(context) }

  /// Fills `target` from the frame that `bytes` start with.
  /// - Returns: the length of the frame.
  func decompress(
    _ bytes: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
  ) throws(Damage) -> Int {
    // The frame's checksum covers its content only, and zstd ignores a bit of the descriptor: both are looked at here.
    guard bytes.count > 5, bytes.loadUnaligned(as: UInt32.self) == UInt32(littleEndian: ZSTD_MAGICNUMBER),
      bytes[4] & 0b1_1111 == 0b0_0100
    else { throw Damage("a chunk does not start with a zstd frame") }
    let length = ZSTD_findFrameCompressedSize(bytes.baseAddress, bytes.count)
    if ZSTD_isError(length) != 0 { throw Damage("a zstd frame is cut short or malformed") }
    let count = ZSTD_decompressDCtx(
      context, target.baseAddress, target.count, bytes.baseAddress, length)
    if ZSTD_isError(count) != 0 {
      throw Damage("a zstd frame cannot be decoded: \(String(cString: ZSTD_getErrorName(count)))")
    }
    if count != target.count { throw Damage("a zstd frame has another size than its chunk") }
    return length
  }
}
