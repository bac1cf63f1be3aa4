import Foundation
import JSON
import Testing

/// The examples of CONTRIBUTING.md.
@Suite struct ContributingTests {
  private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()

  private static func text(_ path: String) throws -> String {
    try String(contentsOf: folder.appending(path: path), encoding: .utf8)
  }

  @Test func `The example of an operation works`() async throws {
    // Begin.
    let run = try await OperationRun(
      TextCountOperation(), ["word": "a"], inputs: ["text": [(nil, Array("a\nb\nab\n".utf8))]])
    #expect(run.bytes("count") == Array(#"{"lines":2}"#.utf8))
    // End.
    #expect(run.log == "2 lines\n")
  }

  @Test func `The examples are those that are tested here`() throws {
    let examples = try Self.text("../../CONTRIBUTING.md").matches(of: /```swift\n((?:.*\n)*?)```/).map {
      $0.1
    }
    try #require(examples.count == 2)
    #expect(try Self.text("TextCountOperation.swift") == examples[0])
    let own = try #require(
      try Self.text("ContributingTests.swift").firstMatch(of: /\/\/ Begin\.\n((?:.*\n)*?) *\/\/ End\./))
    let test = own.1.split(separator: "\n").map { $0.dropFirst(4) + "\n" }.joined()
    #expect(test == examples[1])
  }
}
