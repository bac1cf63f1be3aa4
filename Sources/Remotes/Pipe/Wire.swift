import Glibc
import System

/// Two ends of pipes over which two brakes talk.
///
/// Numbers are little-endian. Whoever asks sends `brake remote 1\n` first and gets the same; then requests, each a letter, the
/// number of items (4 bytes) and the items; a text is its length (2) and its bytes; a file is pieces, each its length (4)
/// and its bytes, and a piece of length zero, or 0xFFFFFFFF and a text that says why no more comes.
///
///     P  paths; answered with a byte each: 1 there, 0 not
///     R  paths, each with the bytes that it may have (8); answered with, for each: 0 not there, 1 and a file, 2 and a text
///     W  paths, each with 1 if it replaces what is there and its file; answered with 3 for some that were checked, and then 1, or 2 and a text
final class Wire: @unchecked Sendable {
  static let greeting = Array("brake remote 1\n".utf8)
  static let mostItems = 4096
  static let mostOfPath = 1024
  /// Bytes of a piece.
  static let mostOfPiece = 1 << 20
  static let noMore: UInt32 = 0xFFFF_FFFF

  private let input: Int32
  private let output: Int32
  private let name: String
  private var waiting: [UInt8] = []
  private var buffer: [UInt8] = []
  private var next = 0
  /// Seconds without a sign of life after which the other end is given up.
  private let patience: Int?

  init(input: Int32, output: Int32, name: String, patience: Int?) {
    self.input = input
    self.output = output
    self.name = name
    self.patience = patience
  }

  // MARK: Sending

  func send(_ bytes: some Sequence<UInt8>) throws {
    waiting += bytes
    if waiting.count >= Wire.mostOfPiece { try flush() }
  }

  func send(_ piece: UnsafeRawBufferPointer) throws {
    waiting.append(contentsOf: piece)
    if waiting.count >= Wire.mostOfPiece { try flush() }
  }

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

  func flush() throws {
    var rest = waiting[...]
    while !rest.isEmpty {
      try wait(for: output, Int16(POLLOUT))
      let count = rest.withUnsafeBytes { Glibc.write(output, $0.baseAddress, $0.count) }
      if count < 0 && (errno == EINTR || errno == EAGAIN) { continue }
      guard count > 0 else { throw broken }
      rest = rest.dropFirst(count)
    }
    waiting.removeAll(keepingCapacity: true)
  }

  // MARK: Receiving

  func receive(_ count: Int) throws -> ArraySlice<UInt8> {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(min(count, Wire.mostOfPiece))
    while bytes.count < count {
      try fill()
      let part = min(count - bytes.count, buffer.count - next)
      bytes += buffer[next..<next + part]
      next += part
    }
    return bytes[...]
  }

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

  private func fill() throws {
    if next < buffer.count { return }
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      try wait(for: input, Int16(POLLIN))
      let count = bytes.withUnsafeMutableBytes { Glibc.read(input, $0.baseAddress, $0.count) }
      if count < 0 && (errno == EINTR || errno == EAGAIN) { continue }
      guard count > 0 else { throw broken }
      bytes.removeSubrange(count...)
      (buffer, next) = (bytes, 0)
      return
    }
  }

  private func wait(for descriptor: Int32, _ events: Int16) throws {
    var waited = 0
    while true {
      try Task.checkCancellation()
      var poll = pollfd(fd: descriptor, events: events, revents: 0)
      let ready = Glibc.poll(&poll, 1, 100)
      if ready > 0 { return }
      if ready < 0 && errno != EINTR { throw broken }
      waited += 1
      if let patience, waited > 10 * patience {
        throw RemoteFailure.unreachable(name, "it has said nothing for \(patience) seconds")
      }
    }
  }

  private var broken: Failure {
    RemoteFailure.unreachable(
      name, "the connection has ended",
      hint:
        "see whether ssh reaches the machine and finds brake there; BRAKE_SSH and BRAKE_REMOTE_BRAKE say how")
  }
}
