import System

/// Two ends of pipes over which two brakes talk.
///
/// Numbers are little-endian. Whoever asks sends `brake remote 1\n` first and gets the same; then requests, each a letter, the
/// number of items (4 bytes) and the items; a text is its length (2) and its bytes; a file is pieces, each its length (4)
/// and its bytes, and a piece of length zero, or 0xFFFFFFFF and a text that says why no more comes. Who is to be asked for G is first asked
/// with P whether the path `parts` is there, and for S whether `segments` is: older ones, to whom it is no path of a store, say that it is
/// not. Who has been asked for `life` gives signs of life, 3, also before the answers to R.
///
///     P  paths; answered with a byte each: 1 there, 0 not
///     R  paths, each with the bytes that it may have (8); answered with, for each: 0 not there, 1 and a file, 2 and a text
///     G  paths of objects, each with the first byte that is wanted (8; all bits set for as many from the end) and the number of bytes (8); answered
///        with, for each: 0 not there, 1, the size of the file (8) and the part as a file, 2 and a text
///     S  segments, each as a file; answered for each with 3 for some of it that is there, and then 1 once all is, or 2 and a text
///     W  paths, each with 1 if it replaces what is there and its file; answered with 3 now and then while it is checked, and then 1, or 2 and a text
final class Wire: PipeChannel, @unchecked Sendable {
  static let greeting = Array("brake remote 1\n".utf8)
  static let mostItems = 4096
  static let mostOfPath = 1024
  /// Bytes of a piece.
  static let mostOfPiece = 1 << 20
  static let noMore: UInt32 = 0xFFFF_FFFF
  static let parts = "parts"
  static let segments = "segments"
  static let life = "life"
  static let isAlive: UInt8 = 3
  /// Whether signs of life were asked for, where old ones give none.
  var givesLife = false
  static let fromEnd = UInt64.max

  init(input: Int32, output: Int32, name: String, patience: Int?) {
    super.init(
      input: input, output: output, name: name, patience: patience,
      hint:
        "see whether ssh reaches the machine and finds brake there; BRAKE_SSH and BRAKE_REMOTE_BRAKE say how")
  }

  // MARK: Sending

  func send<Number: FixedWidthInteger>(_ number: Number) throws {
    try withUnsafeBytes(of: number.littleEndian) { try send($0) }
  }

  func send(text: String) throws {
    let bytes = Array(text.utf8.prefix(Int(UInt16.max)))
    try send(UInt16(bytes.count))
    try send(bytes)
  }

  func send(piece: UnsafeRawBufferPointer) throws {
    if piece.isEmpty { return }
    try send(UInt32(piece.count))
    try send(piece)
  }

  // MARK: Receiving

  func receive<Number: FixedWidthInteger>(_ type: Number.Type) throws -> Number {
    try receive(MemoryLayout<Number>.size).reversed().reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
  }

  /// Nil at the end of what the other has to say.
  func receiveRequest() throws -> UInt8? {
    do { return try receive(UInt8.self) } catch let error as Failure where error.code == .remote {
      return nil
    }
  }

  func receiveText() throws -> String {
    String(decoding: try receive(Int(receive(UInt16.self))), as: UTF8.self)
  }

  /// - Returns: what the other says of why it did not send all of it; nil if it did.
  func receiveFile(_ body: (UnsafeRawBufferPointer) throws -> Void) throws -> String? {
    while true {
      let size = try receive(UInt32.self)
      if size == 0 { return nil }
      if size == Wire.noMore { return try receiveText() }
      guard size <= Wire.mostOfPiece else { throw RemoteFailure.lying(name, "does not keep to the protocol") }
      try receive(Int(size)).withUnsafeBytes { try body($0) }
    }
  }
}
