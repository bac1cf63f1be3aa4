/// The rows of the embedding that each sequence of a batch meets.
struct TokenTables {
  /// Of each sequence: the slot of each position, in the order in which positions first use them, and of each slot its row.
  let slots, tableRows: [[Int32]]
  private let length: Int
  /// [R, T]: the gradients of the logits of each sequence's slots, as far as they have been kept.
  private var logits: [Float] = []

  init(_ batch: TokenBatch) {
    length = batch.length
    var (slots, tableRows): ([[Int32]], [[Int32]]) = ([], [])
    for base in stride(from: 0, to: batch.inputs.count, by: batch.length) {
      var known: [Int32: Int32] = [:]
      var rows: [Int32] = []
      slots.append(
        batch.inputs[base..<base + batch.length].map { token in
          if let slot = known[token] { return slot }
          let slot = Int32(rows.count)
          known[token] = slot
          rows.append(token)
          return slot
        })
      tableRows.append(rows)
    }
    (self.slots, self.tableRows) = (slots, tableRows)
  }

  /// Keeps what `head` needs of a block of gradients of logits [rows, V].
  mutating func keep(_ block: ConstantFloats, first: Int, rows: Int, _ vocabulary: Int) {
    for row in 0..<rows {
      let tokens = tableRows[(first + row) / length]
      for token in tokens { logits.append(block[row * vocabulary + Int(token)]) }
      logits += repeatElement(0, count: length - tokens.count)
    }
  }

  /// Of some tokens of one sequence the gradients of the logits [tokens, slots], and `final` [tokens, C].
  func head(_ rows: TokenRows, final: ConstantFloats, width: Int) -> (logits: [Float], hidden: [Float]) {
    let slots = tableRows[rows.base / length].count
    return (
      rows.tokens.flatMap { logits[$0 * length..<$0 * length + slots] },
      rows.tokens.flatMap { UnsafeBufferPointer(start: final + $0 * width, count: width) }
    )
  }
}
