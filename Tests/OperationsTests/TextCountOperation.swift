import Actions
import JSON

/// `text.count`
struct TextCountOperation: Operation {
  static let word = Parameter("word", default: "", help: "count only lines that hold this; empty for all")

  let name = "text.count"
  let revision = 1
  let summary = "Counts the lines of a text."
  let inputs = [InputDeclaration("text", help: "a text in UTF-8")]
  let parameters: [any ParameterDeclaration] = [word]
  let outputs = [OutputDeclaration("count", file: "count.json", help: "the number of lines")]

  func run(_ context: OperationContext) async throws {
    let text = String(decoding: try context.input("text").bytes(), as: UTF8.self)
    let word = context[Self.word]
    let count = text.split(separator: "\n").count { word.isEmpty || $0.contains(word) }
    try context.log("\(count) lines")
    try context.write(JSON.object(["lines": .integer(Int64(count))]).canonicalBytes, to: "count")
  }
}
