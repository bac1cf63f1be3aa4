internal import Actions
internal import Compute
internal import System

/// Reading of texts as operations are given them.
enum TextInput {
  /// Larger inputs are refused.
  static let limit = 1 << 32

  static let help =
    "documents that text.corpus wrote, or plain text (compressed or not) with the record separator U+001E between documents"

  /// The documents of an input: those of a documents file, or of a plain text, which is then mended and reported on in
  /// the log.
  static func documents(of input: String, _ context: OperationContext) async throws -> Documents {
    let bytes = try await Decompression.expand(
      context.input(input).bytes(limit: limit), file: "input '\(input)'")
    if Documents.isFile(bytes) { return try Documents(parsing: bytes) }
    var reader = DocumentReader()
    reader.add(text: bytes)
    for line in reader.statistics.lines { try context.log(line) }
    guard reader.documents.count > 0 else {
      throw Failure(.unusable, "the input '\(input)' holds no text")
    }
    return reader.documents
  }
}

extension TextStatistics {
  private var counts: [(name: String, count: Int, what: String)] {
    [
      ("documents", documents, "documents"), ("bytes", bytes, "bytes"),
      ("empty_documents", emptyDocuments, "empty documents left out"),
      ("invalid_sequences", invalidSequences, "invalid sequences of bytes replaced by U+FFFD"),
      ("invalid_documents", invalidDocuments, "documents that held such"),
      ("byte_order_marks", byteOrderMarks, "byte order marks taken off"),
    ]
  }

  /// For the log: what is there, and what was found wrong.
  var lines: [String] {
    counts.filter { $0.count > 0 || $0.name == "documents" }.map { "\($0.count) \($0.what)" }
  }

  var members: [(String, Int)] { counts.map { ($0.name, $0.count) } }
}
