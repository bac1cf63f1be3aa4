internal import System

/// The fields of a message in the wire format of protocol buffers (protobuf.dev/programming-guides/encoding), one after the other.
/// Who reads passes over what it does not know.
struct ProtocolFields {
  enum Value {
    case number(UInt64)
    /// Eight bytes, little-endian, as a float64 and a fixed64 have them.
    case eight(UInt64)
    /// Four bytes, little-endian, as a float32 and a fixed32 have them.
    case four(UInt32)
    /// A text, bytes, a message of its own or packed numbers.
    case bytes(ArraySlice<UInt8>)
  }

  private var rest: ArraySlice<UInt8>

  init(_ message: ArraySlice<UInt8>) { rest = message }

  /// The next field; nil behind the last.
  /// - Throws: `malformed` if the bytes are no message.
  mutating func next() throws(Failure) -> (number: Int, value: Value)? {
    guard !rest.isEmpty else { return nil }
    let key = try varint()
    let number = Int(truncatingIfNeeded: key >> 3)
    guard number > 0 else { throw ProtocolFields.malformed }
    switch key & 7 {
    case 0: return (number, .number(try varint()))
    case 1: return (number, .eight(try take(8).littleEndian()))
    case 2:
      let count = try varint()
      guard count <= UInt64(rest.count) else { throw ProtocolFields.malformed }
      return (number, .bytes(try take(Int(count))))
    case 5: return (number, .four(try take(4).littleEndian()))
    default: throw ProtocolFields.malformed
    }
  }

  private static var malformed: Failure { Failure(.malformed, "its bytes are no protocol buffer") }

  private mutating func varint() throws(Failure) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: 0 as UInt64, to: 64, by: 7) {
      guard let byte = rest.popFirst() else { throw ProtocolFields.malformed }
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    throw ProtocolFields.malformed
  }

  private mutating func take(_ count: Int) throws(Failure) -> ArraySlice<UInt8> {
    guard count <= rest.count else { throw ProtocolFields.malformed }
    defer { rest = rest.dropFirst(count) }
    return rest.prefix(count)
  }
}

extension ArraySlice<UInt8> {
  /// Its bytes as a number, the first the lowest.
  func littleEndian<Number: FixedWidthInteger>() -> Number {
    reversed().reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
  }
}
