import Safetensors

/// What is found out about two lists of numbers while they pass.
struct ElementCounts: Sendable {
  /// Elements that are other numbers; what is no number on both sides is the same.
  var differing = 0
  var nansBefore = 0
  var nansNow = 0
  /// Of the elements that are numbers on both sides.
  var largest = 0.0
  /// Sums of squares: of differences, and of what was there before.
  var squaredDifference = 0.0
  var squaredBefore = 0.0

  mutating func add(
    _ dtype: DType, _ before: UnsafeRawBufferPointer, _ now: UnsafeRawBufferPointer
  ) {
    switch dtype {
    case .bool, .uint8: integers(UInt8.self, before, now)
    case .int8: integers(Int8.self, before, now)
    case .uint16: integers(UInt16.self, before, now)
    case .int16: integers(Int16.self, before, now)
    case .uint32: integers(UInt32.self, before, now)
    case .int32: integers(Int32.self, before, now)
    case .uint64: integers(UInt64.self, before, now)
    case .int64: integers(Int64.self, before, now)
    case .float64: floats(UInt64.self, before, now) { Double(bitPattern: $0) }
    case .float32: floats(UInt32.self, before, now) { Double(Float(bitPattern: $0)) }
    case .bfloat16: floats(UInt16.self, before, now) { Double(Float(bitPattern: UInt32($0) << 16)) }
    case .float16: floats(UInt16.self, before, now) { ElementCounts.half($0) }
    case .float8e4m3: floats(UInt8.self, before, now) { ElementCounts.e4m3($0) }
    // The upper half of a half.
    case .float8e5m2: floats(UInt8.self, before, now) { ElementCounts.half(UInt16($0) << 8) }
    }
  }

  private mutating func floats<Bits: FixedWidthInteger & BitwiseCopyable>(
    _: Bits.Type, _ before: UnsafeRawBufferPointer, _ now: UnsafeRawBufferPointer, _ value: (Bits) -> Double
  ) {
    let size = MemoryLayout<Bits>.size
    for offset in stride(from: 0, to: before.count, by: size) {
      let a = value(Bits(littleEndian: before.loadUnaligned(fromByteOffset: offset, as: Bits.self)))
      let b = value(Bits(littleEndian: now.loadUnaligned(fromByteOffset: offset, as: Bits.self)))
      if a == b {
        if a.isFinite { squaredBefore += a * a }
      } else if a.isNaN || b.isNaN {
        nansBefore += a.isNaN ? 1 : 0
        nansNow += b.isNaN ? 1 : 0
        differing += a.isNaN && b.isNaN ? 0 : 1
      } else {
        differing += 1
        let difference = abs(b - a)
        largest = max(largest, difference)
        if difference.isFinite {
          squaredDifference += difference * difference
          squaredBefore += a * a
        }
      }
    }
  }

  private mutating func integers<Value: FixedWidthInteger & BitwiseCopyable>(
    _: Value.Type, _ before: UnsafeRawBufferPointer, _ now: UnsafeRawBufferPointer
  ) {
    let size = MemoryLayout<Value>.size
    for offset in stride(from: 0, to: before.count, by: size) {
      let a = Value(littleEndian: before.loadUnaligned(fromByteOffset: offset, as: Value.self))
      let b = Value(littleEndian: now.loadUnaligned(fromByteOffset: offset, as: Value.self))
      squaredBefore += Double(a) * Double(a)
      if a == b { continue }
      differing += 1
      // Exact where the numbers have more digits than a double.
      let difference = Double(a > b ? a.magnitudeOfDifference(from: b) : b.magnitudeOfDifference(from: a))
      largest = max(largest, difference)
      squaredDifference += difference * difference
    }
  }

  /// IEEE 754 with 5 bits of exponent and 10 of fraction.
  static func half(_ bits: UInt16) -> Double {
    let exponent = Int(bits >> 10 & 31)
    let fraction = Double(bits & 1023) / 1024
    let sign: Double = bits >> 15 == 0 ? 1 : -1
    if exponent == 31 { return fraction == 0 ? sign * .infinity : .nan }
    return sign * (exponent == 0 ? fraction * 0x1p-14 : (1 + fraction) * power(exponent - 15))
  }

  /// Four bits of exponent and three of fraction, without infinities; the last value of each sign is not a number.
  static func e4m3(_ bits: UInt8) -> Double {
    if bits & 127 == 127 { return .nan }
    let exponent = Int(bits >> 3 & 15)
    let fraction = Double(bits & 7) / 8
    let sign: Double = bits >> 7 == 0 ? 1 : -1
    return sign * (exponent == 0 ? fraction * 0x1p-6 : (1 + fraction) * power(exponent - 7))
  }

  private static func power(_ exponent: Int) -> Double {
    Double(sign: .plus, exponent: exponent, significand: 1)
  }
}

extension FixedWidthInteger {
  /// What must be added to another, smaller number.
  fileprivate func magnitudeOfDifference(from other: Self) -> Magnitude {
    Magnitude(truncatingIfNeeded: self) &- Magnitude(truncatingIfNeeded: other)
  }
}
