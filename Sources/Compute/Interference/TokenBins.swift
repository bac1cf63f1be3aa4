internal import JSON

/// The predicted tokens of an evaluation stream, in groups by their place in the window or by how often they occur.
public struct TokenBins: Sendable {
  /// A group: positions from `lower` to `upper`, or relative frequencies from `lower` on and below `upper`.
  public struct Bin: Sendable, Hashable {
    public let lower, upper: Double
  }

  public let bins: [Bin]
  /// Of each token, its bin.
  public let places: [UInt8]

  /// By the number of tokens that the model sees when it predicts: 1, 2, 3-4, 5-8, ..., doubling.
  /// - Parameters:
  ///   - count: tokens in all, at least 1.
  ///   - context: tokens of a window; windows follow each other.
  public static func positions(count: Int, context: Int) -> TokenBins {
    func bin(_ position: Int) -> Int { Int.bitWidth - (position - 1).leadingZeroBitCount }
    let longest = min(count, context)
    let bins = (0...bin(longest)).map { index -> Bin in
      let below = index == 0 ? 0 : 1 << (index - 1)
      return Bin(lower: Double(below + 1), upper: Double(min(1 << index, longest)))
    }
    return TokenBins(bins: bins, places: (0..<count).map { UInt8(bin($0 % context + 1)) })
  }

  /// Relative frequencies below 10^-decades are one bin.
  private static let decades = 7

  /// By how often the predicted token occurs in the whole stream: 0.1 of it and more, 0.01 to 0.1, ..., below 10^-6.
  /// - Parameters:
  ///   - stream: all tokens, below `vocabulary`.
  ///   - count: the tokens 1...count of the stream are those predicted.
  public static func frequencies(of stream: [UInt32], vocabulary: Int, count: Int) -> TokenBins {
    var occurrences = [Int](repeating: 0, count: vocabulary)
    for token in stream { occurrences[Int(token)] += 1 }
    var places = [UInt8](repeating: 0, count: vocabulary)
    for (token, occurrence) in occurrences.enumerated() {
      var scaled = occurrence * 10
      while scaled < stream.count, places[token] + 1 < decades {
        scaled *= 10
        places[token] += 1
      }
    }
    // Decimal texts, so that an edge is the number nearest to the power of ten.
    let edges = ["1", "1e-1", "1e-2", "1e-3", "1e-4", "1e-5", "1e-6", "0"].compactMap { Double($0) }
    return TokenBins(
      bins: zip(edges.dropFirst(), edges).map { Bin(lower: $0, upper: $1) },
      places: stream[1...count].map { places[Int($0)] })
  }

  /// What `summary` says of the tokens of each bin that has some.
  func rows(_ summary: (_ tokens: [Int]) -> [String: JSON]) -> JSON {
    var members = [[Int]](repeating: [], count: bins.count)
    for (token, place) in places.enumerated() { members[Int(place)].append(token) }
    return .array(
      zip(bins, members).filter { !$1.isEmpty }.map { bin, tokens in
        .object(summary(tokens).merging(["from": .number(bin.lower), "to": .number(bin.upper)]) { $1 })
      })
  }
}
