public import JSON

/// The true entropy of a synthetic corpus: what no model can get below on average, short of knowing it by heart.
public struct SyntheticTruth: Sendable {
  private var bytes: [Int] = []
  private var nats: [Double] = []
  private var choices = [Double](repeating: 0, count: SyntheticDocument.Choice.allCases.count)

  public init() {}

  /// Counts a document, with the separator after it, which is certain.
  public mutating func add(_ document: SyntheticDocument) {
    bytes.append(document.text.count + 1)
    nats.append(document.totalNats)
    for (choice, value) in document.nats.enumerated() { choices[choice] += value }
  }

  public var documents: Int { bytes.count }
  /// Of all documents with their separators.
  public var totalBytes: Int { bytes.reduce(0, +) }
  /// -log p of all documents.
  public var totalNats: Double { nats.reduce(0, +) }
  public var natsPerByte: Double { totalNats / Double(totalBytes) }

  public var json: JSON {
    let kinds = SyntheticDocument.Choice.allCases.map { ("\($0)", JSON.number(choices[$0.rawValue])) }
    return [
      "documents": .whole(documents), "bytes": .whole(totalBytes), "nats": .number(totalNats),
      "nats_per_byte": .number(natsPerByte),
      "nats_by_choice": .object(Dictionary(uniqueKeysWithValues: kinds)),
      "bytes_of_documents": .wholes(bytes), "nats_of_documents": .numbers(nats),
    ]
  }
}
