/// Elementary functions in float64 that give the same bits on every machine: sums, products, quotients and shifts in a
/// fixed order, no contraction to fused operations, nothing from the system's mathematical library, whose last bits
/// change between versions and processors. Errors of exp and log stay below 2 units in the last place.
package enum Elementary {
  /// ln 2 in two parts; the first has 20 trailing zero bits, so that its product with an exponent is exact.
  private static let ln2High = 0x1.62e42feep-1
  private static let ln2Low = 0x1.a39ef35793c76p-33
  private static let log2e = 0x1.71547652b82fep0
  /// Adding 1.5 * 2^52 rounds to a whole number, which then stands in the low bits.
  private static let rounder = 0x1.8p52

  /// e^x for |x| <= 708. Reduction to |r| <= ln 2 / 2, then the Taylor polynomial of degree 13, whose remainder
  /// r^14 / 14! is below 5e-18.
  @inline(__always) static func reducedExp(_ x: Double) -> Double {
    let shifted = x * log2e + rounder
    let k = shifted - rounder
    let r = (x - k * ln2High) - k * ln2Low
    // Even and odd powers apart: two short chains instead of a long one.
    let s = r * r
    var even = 1.0 / 479_001_600
    even = even * s + 1.0 / 3_628_800
    even = even * s + 1.0 / 40_320
    even = even * s + 1.0 / 720
    even = even * s + 1.0 / 24
    even = even * s + 0.5
    var odd = 1.0 / 6_227_020_800
    odd = odd * s + 1.0 / 39_916_800
    odd = odd * s + 1.0 / 362_880
    odd = odd * s + 1.0 / 5_040
    odd = odd * s + 1.0 / 120
    odd = odd * s + 1.0 / 6
    let p = ((odd * r + even) * s + r) + 1
    return Double(bitPattern: p.bitPattern &+ (shifted.bitPattern &<< 52))
  }

  package static func exp(_ x: Double) -> Double {
    if x.isNaN { return x }
    if x > 709.782712893384 { return .infinity }
    if x < -745.133219101941 { return 0 }
    if x.magnitude <= 708 { return reducedExp(x) }
    let half = reducedExp(x / 2)
    return half * half
  }

  /// log(1 + u) for 0 <= u <= 1, as 2 artanh(q) = 2 (q + q^3 / 3 + q^5 / 5 + ...) with q = u / (2 + u), or, above
  /// sqrt(2) - 1, as log 2 + 2 artanh(q) with q = (u - 1) / (u + 3). So |q| < 0.1716, and what is left out is below 1e-18.
  @inline(__always) static func reducedLog1p(_ u: Double) -> Double {
    let isHigh = u > 0x1.a827999fcef32p-2
    let q = (isHigh ? u - 1 : u) / (isHigh ? u + 3 : u + 2)
    let z = q * q
    let s = z * z
    var even = 1.0 / 23
    even = even * s + 1.0 / 19
    even = even * s + 1.0 / 15
    even = even * s + 1.0 / 11
    even = even * s + 1.0 / 7
    even = even * s + 1.0 / 3
    var odd = 1.0 / 21
    odd = odd * s + 1.0 / 17
    odd = odd * s + 1.0 / 13
    odd = odd * s + 1.0 / 9
    odd = odd * s + 1.0 / 5
    let p = odd * z + even
    let artanh = 2 * (q + q * (z * p))
    return isHigh ? ln2High + (artanh + ln2Low) : artanh
  }

  /// The natural logarithm: x = m 2^e with m between sqrt(1/2) and sqrt(2), and log m = 2 artanh((m - 1) / (m + 1)).
  package static func log(_ x: Double) -> Double {
    if x.isNaN || x == .infinity { return x }
    if x <= 0 { return x == 0 ? -.infinity : .nan }
    if x < 0x1p-1022 { return log(x * 0x1p54) - 54 * (ln2High + ln2Low) }
    var exponent = Int64(x.bitPattern >> 52) - 1023
    var m = Double(bitPattern: x.bitPattern & 0x000F_FFFF_FFFF_FFFF | 0x3FF0_0000_0000_0000)
    if m > 0x1.6a09e667f3bcdp0 {
      m /= 2
      exponent += 1
    }
    let q = (m - 1) / (m + 1)
    let z = q * q
    var p = 1.0 / 23
    for n in stride(from: 21.0, through: 3, by: -2) { p = p * z + 1 / n }
    let e = Double(exponent)
    // 2 artanh q = f - q (f - 2 q^2 (...)) with f = m - 1 keeps the leading term exact.
    let f = m - 1
    let tail = 2 * z * p
    return e * ln2High + (f - (q * (f - tail) - e * ln2Low))
  }
  /// The logarithm to base ten; a whole number where x is a power of ten.
  package static func log10(_ x: Double) -> Double {
    let y = log(x) * 0x1.bcb7b1526e50ep-2
    let whole = y.rounded()
    return whole.magnitude <= 308 && powerOfTen(Int(whole)) == x ? whole : y
  }

  /// 10^n, correctly rounded, as reading `1e6` is.
  package static func powerOfTen(_ n: Int) -> Double { Double("1e\(n)") ?? (n < 0 ? 0 : .infinity) }

  /// x^y for x > 0, with an error of about |y log x| units in the last place.
  package static func pow(_ x: Double, _ y: Double) -> Double { exp(y * log(x)) }

  /// x^n for n >= 0, by squaring.
  static func power(_ x: Double, _ n: Int) -> Double {
    var (result, base, left) = (1.0, x, n)
    while left > 0 {
      if left & 1 == 1 { result *= base }
      base *= base
      left >>= 1
    }
    return result
  }
}
