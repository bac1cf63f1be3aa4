/// Spoils valid inputs, in the same way in every run, to see that parsers refuse what they do not accept.
public struct Mutator {
  private var state: UInt64

  public init(seed: UInt64) { state = seed }

  /// SplitMix64. https://prng.di.unimi.it/splitmix64.c
  private mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  private mutating func number(below limit: Int) -> Int { limit <= 1 ? 0 : Int(next() % UInt64(limit)) }

  private static let pieces = [
    "{", "}", "[", "]", "\"", ",", ":", "\\u0000", "\\ud800", "null", "true", "-", "-1", "0", "1e999",
    "1e-999", "0.5",
    "9223372036854775807", "-9223372036854775808", "18446744073709551616", "99999999999999999999999", "../",
    "/", "${", "&a",
    "*a", "NaN", "\u{0}", "\u{7F}", "\u{FEFF}", "\r\n", "\t", "sha256:",
  ].map { Array($0.utf8) }

  /// One to four changes: bits and bytes, ranges that go, come twice or move, numbers that become large, pieces of syntax.
  public mutating func mutated(_ original: [UInt8]) -> [UInt8] {
    var bytes = original
    for _ in 0...number(below: 4) {
      let place = number(below: bytes.count + 1)
      let end = min(bytes.count, place + 1 + number(below: number(below: 8) == 0 ? bytes.count + 1 : 16))
      switch number(below: 9) {
      case 0 where place < bytes.count: bytes[place] ^= 1 << UInt8(number(below: 8))
      case 1 where place < bytes.count: bytes[place] = [0, 1, 0x7F, 0x80, 0xFF][number(below: 5)]
      case 2: bytes.removeSubrange(place..<end)
      case 3: bytes.insert(contentsOf: bytes[place..<end], at: place)
      case 4: bytes.insert(contentsOf: bytes[place..<end], at: number(below: bytes.count + 1))
      case 5: bytes.replaceSubrange(place..<end, with: Mutator.pieces[number(below: Mutator.pieces.count)])
      case 6: bytes.insert(contentsOf: Mutator.pieces[number(below: Mutator.pieces.count)], at: place)
      case 7: bytes.removeSubrange(place...)
      default:
        guard place < end else { continue }
        for index in place..<end { bytes[index] = UInt8(truncatingIfNeeded: next()) }
      }
    }
    return bytes
  }

  /// Tries inputs for a while; prints how many there were and how many of them were refused.
  /// - Parameter accepts: false, or an error, where an input is refused.
  public static func run(
    _ name: String, on originals: [[UInt8]], tries: Int, for limit: Duration = .seconds(2),
    _ accepts: ([UInt8]) throws -> Bool
  ) {
    var mutator = Mutator(seed: UInt64(name.utf8.reduce(7) { $0 &* 31 &+ Int($1) }.magnitude))
    let end = ContinuousClock.now + limit
    var done = 0
    var refused = 0
    while done < tries, done % 64 != 0 || ContinuousClock.now < end {
      let input = mutator.mutated(originals[done % originals.count])
      if (try? accepts(input)) != true { refused += 1 }
      done += 1
    }
    print("mutants: \(name): \(done) tried, \(refused) refused")
  }
}
