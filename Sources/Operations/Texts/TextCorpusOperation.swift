internal import Actions
internal import Compute
internal import JSON
internal import System

/// `text.corpus`
struct TextCorpusOperation: Operation {
  static let format = Parameter(
    "format", default: "detect", oneOf: ["detect", "text", "jsonl"],
    help: "detect: JSON lines where the first line of a file is a JSON object, else text")
  static let field = Parameter(
    "field", default: "text", help: "JSON lines: the member that holds a document")
  static let separator = Parameter(
    "separator", default: String(Unicode.Scalar(DocumentReader.separator)),
    help: "text: what stands between the documents of a file; empty if a file is one document")

  let name = "text.corpus"
  let revision = 1
  let summary =
    "Gathers documents from text files, folders and JSON lines, and reports what is wrong with them."
  let inputs = [
    InputDeclaration(
      "texts", .many,
      help:
        "files and folders, as they are or compressed with gzip, xz or zstd; in folders, all files but hidden ones, by path"
    )
  ]
  let parameters: [any ParameterDeclaration] = [format, field, separator]
  let outputs = [
    OutputDeclaration(
      "documents", file: "documents.safetensors",
      help: "'text' (uint8: all documents) and 'documents' (uint64: where each begins in it, and the end)"),
    OutputDeclaration(
      "statistics", file: "statistics.json",
      help:
        "files, documents and bytes kept; empty documents left out, invalid UTF-8 replaced, byte order marks taken off"
    ),
  ]

  func run(_ context: OperationContext) async throws {
    var reader = DocumentReader()
    var files = 0
    let inputs = context.inputs("texts")
    for (index, input) in inputs.enumerated() {
      let name = input.key ?? "texts"
      for (file, contents) in try TextFiles.files(
        of: input, named: name, scratch: "\(context.scratch)/\(index)")
      {
        try context.checkCancellation()
        context.progress(Double(index) / Double(inputs.count), file)
        try add(await Decompression.expand(contents(), file: file), file, to: &reader, context)
        files += 1
      }
    }
    try context.log("\(files) files")
    for line in reader.statistics.lines { try context.log(line) }
    guard reader.documents.count > 0 else {
      throw Failure(.unusable, "the input 'texts' holds no documents (\(files) files)")
    }
    let output = try FileOutput(context.path(of: "documents"))
    try reader.documents.write { try output.write($0) }
    let members = [("files", files)] + reader.statistics.members
    let json = JSON.object(Dictionary(uniqueKeysWithValues: members.map { ($0, .integer(Int64($1))) }))
    try context.write(Array(json.pretty.utf8) + [UInt8(ascii: "\n")], to: "statistics")
  }

  private func add(
    _ bytes: [UInt8], _ file: String, to reader: inout DocumentReader, _ context: OperationContext
  ) throws {
    let isLines =
      switch context[Self.format] {
      case "jsonl": true
      case "text": false
      default: DocumentReader.looksLikeJSONLines(bytes)
      }
    if isLines {
      try reader.add(jsonLines: bytes, field: context[Self.field], file: file)
    } else {
      reader.add(text: bytes, separator: Array(context[Self.separator].utf8))
    }
  }
}
