public import System

/// Divides documents into those to train on and those to validate with.
///
/// The documents are drawn by a number for each, a pure function of (seed, index): those with the smallest
/// numbers, fraction · count of them to the nearest whole number and at least one, are for validation. So that a single large text can be divided too, documents are first cut into
/// pieces, which count as documents.
public struct DocumentSplit: Sendable {
  /// In the order of the text, as ranges of it.
  public let train: [Range<Int>]
  public let validation: [Range<Int>]

  /// - Parameters:
  ///   - fraction: of the documents that are for validation; with 0 none is, and none is cut.
  ///   - piece: the most bytes of a piece, at least 4, so that any scalar fits; 0 leaves documents whole.
  /// - Throws: `unusable` if nothing would be left to train on.
  public init(
    _ documents: Documents, fraction: Double, piece: Int, seed: UInt64
  ) throws(Failure) {
    precondition(piece == 0 || piece >= 4)
    let whole = (0..<documents.count).map(documents.range)
    guard fraction > 0 else {
      train = whole
      validation = []
      return
    }
    let pieces = piece > 0 ? whole.flatMap { Self.cut(documents.text, $0, piece) } : whole
    let count = max(1, Int((fraction * Double(pieces.count)).rounded()))
    guard count < pieces.count else {
      throw Failure(
        .unusable,
        "of \(pieces.count) documents, \(count) are for validation, which leaves none to train on",
        hint: piece > 0 ? "lower 'piece' or 'validation'" : "set 'piece', so that documents are cut")
    }
    let random = Philox(seed: seed)
    let drawn = pieces.indices
      .map { (number: random.bits(stream: Streams.split, index: UInt64($0)).0, index: $0) }
      .sorted { ($0.number, $0.index) < ($1.number, $1.index) }
    let chosen = Set(drawn.prefix(count).map(\.index))
    train = pieces.indices.filter { !chosen.contains($0) }.map { pieces[$0] }
    validation = pieces.indices.filter(chosen.contains).map { pieces[$0] }
  }

  /// Pieces of at most `limit` bytes. Each is as long as it can be while it ends after an empty line, or else after a
  /// line, or else after a space, or else between two scalars.
  static func cut(_ text: [UInt8], _ document: Range<Int>, _ limit: Int) -> [Range<Int>] {
    var pieces: [Range<Int>] = []
    var start = document.lowerBound
    while document.upperBound - start > limit {
      let end = end(of: text, start, start + limit)
      pieces.append(start..<end)
      start = end
    }
    pieces.append(start..<document.upperBound)
    return pieces
  }

  private static func end(of text: [UInt8], _ start: Int, _ limit: Int) -> Int {
    let newline = UInt8(ascii: "\n")
    var line: Int?
    var space: Int?
    for end in stride(from: limit, to: start, by: -1) {
      if text[end - 1] == newline {
        line = line ?? end
        if end >= start + 2, text[end - 2] == newline { return end }
        if end >= start + 3, text[end - 2] == 0x0D, text[end - 3] == newline { return end }
      } else if text[end - 1] == UInt8(ascii: " ") {
        space = space ?? end
      }
    }
    if let end = line ?? space { return end }
    var end = limit
    while text[end] & 0xC0 == 0x80 { end -= 1 }
    return end
  }
}
