/// The rows of a backward pass that keeps the losses of some tokens of one sequence apart: for each token its own gradient
/// at the positions up to it, one token after the other.
struct TokenRows {
  /// What a kernel needs to find the rows of each token: the first here, the first in the forward pass (from `base` on),
  /// and how many.
  struct Spans {
    var first: [Int] = []
    var kept: [Int] = []
    var count: [Int] = []

    mutating func add(first: Int, kept: Int, count: Int) {
      self.first.append(first)
      self.kept.append(kept)
      self.count.append(count)
    }
  }

  /// As rows of the forward pass.
  let tokens: [Int]
  /// The sequence's first row of the forward pass, and how many of its rows are met.
  let base, positions: Int
  private(set) var rows = 0
  /// All rows of each token, and its last row alone.
  private(set) var spans = Spans()
  private(set) var lasts = Spans()

  /// The positions up to each of these tokens of the sequence that starts at row `base`.
  init(prefixesOf tokens: [Int], base: Int) {
    self.tokens = tokens
    self.base = base
    positions = (tokens.max() ?? base) - base + 1
    for token in tokens {
      let count = token - base + 1
      spans.add(first: rows, kept: 0, count: count)
      rows += count
      lasts.add(first: rows - 1, kept: count - 1, count: 1)
    }
  }

  /// The same where a token has `count` rows at each position, one after the other.
  func times(_ count: Int) -> TokenRows {
    func times(_ spans: Spans) -> Spans {
      Spans(
        first: spans.first.map { $0 * count }, kept: spans.kept.map { $0 * count },
        count: spans.count.map { $0 * count })
    }
    return TokenRows(
      tokens: tokens, base: base * count, positions: positions * count, rows: rows * count,
      spans: times(spans), lasts: times(lasts))
  }

  private init(tokens: [Int], base: Int, positions: Int, rows: Int, spans: Spans, lasts: Spans) {
    self.tokens = tokens
    self.base = base
    self.positions = positions
    self.rows = rows
    self.spans = spans
    self.lasts = lasts
  }

  /// One row for each token of a batch: where a token's loss reaches its own position alone.
  init(single rows: Int) {
    tokens = Array(0..<rows)
    base = 0
    positions = rows
    self.rows = rows
    for row in 0..<rows { spans.add(first: row, kept: row, count: 1) }
    lasts = spans
  }
}
