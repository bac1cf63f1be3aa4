/// The counter-based generator Philox 4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
/// A block of 128 random bits is a pure function of key and counter, so any draw can be made in any order, on any
/// number of threads, with the same result.
public struct Philox: Sendable, Hashable {
  public let key: (UInt32, UInt32)

  public init(key: (UInt32, UInt32)) { self.key = key }

  public init(seed: UInt64) {
    self.init(key: (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)))
  }

  public static func == (a: Philox, b: Philox) -> Bool { a.key == b.key }
  public func hash(into hasher: inout Hasher) {
    hasher.combine(key.0)
    hasher.combine(key.1)
  }

  /// Ten rounds on a counter of four words.
  @inline(__always)
  public func block(_ counter: SIMD4<UInt32>) -> SIMD4<UInt32> {
    var c = counter
    var k = key
    for _ in 0..<10 {
      let p = UInt64(c[0]) &* 0xD251_1F53
      let q = UInt64(c[2]) &* 0xCD9E_8D57
      c = SIMD4(
        UInt32(truncatingIfNeeded: q >> 32) ^ c[1] ^ k.0, UInt32(truncatingIfNeeded: q),
        UInt32(truncatingIfNeeded: p >> 32) ^ c[3] ^ k.1, UInt32(truncatingIfNeeded: p))
      k = (k.0 &+ 0x9E37_79B9, k.1 &+ 0xBB67_AE85)
    }
    return c
  }

  /// 64 random bits for a place in a stream.
  public func bits(stream: UInt32, index: UInt64, attempt: UInt32 = 0) -> (UInt64, UInt64) {
    let words = block(
      SIMD4(
        UInt32(truncatingIfNeeded: index), UInt32(truncatingIfNeeded: index >> 32), attempt, stream))
    return (UInt64(words[0]) << 32 | UInt64(words[1]), UInt64(words[2]) << 32 | UInt64(words[3]))
  }

  /// A whole number from 0 to `count` - 1. Its probabilities differ from equal ones by less than count / 2^64.
  public func number(below count: Int, stream: UInt32, index: UInt64) -> Int {
    precondition(count > 0)
    return Int(bits(stream: stream, index: index).0.multipliedFullWidth(by: UInt64(count)).high)
  }

  /// Two independent standard normal numbers for a place in a stream (Marsaglia's polar method; a rejected pair is
  /// drawn again with the next attempt in the counter).
  public func normals(stream: UInt32, index: UInt64) -> (Double, Double) {
    var attempt: UInt32 = 0
    while true {
      let (a, b) = bits(stream: stream, index: index, attempt: attempt)
      let u = Double(a >> 11) * 0x1p-52 - 1
      let v = Double(b >> 11) * 0x1p-52 - 1
      let square = u * u + v * v
      if square > 0 && square < 1 {
        let factor = (-2 * Elementary.log(square) / square).squareRoot()
        return (u * factor, v * factor)
      }
      attempt &+= 1
    }
  }
}
