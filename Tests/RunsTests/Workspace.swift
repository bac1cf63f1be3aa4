import Artefacts
import Foundation
import JSON
import PlanSupport
import Support
import Synchronization
import System
import Testing

@testable import Actions
@testable import Pipeline
@testable import Runs

/// A folder with a pipeline, sources and a store, as a user has them.
final class Workspace: Sendable {
  let folder = TemporaryFolder()
  let store: Store
  let registry: OperationRegistry

  /// - Parameter pipeline: `@HERE` in it stands for the workspace's folder, for commands that look outside theirs.
  init(
    _ pipeline: String, files: [String: String] = [:],
    operations: [any Actions.Operation] = [Repeat(), Split()]
  ) throws {
    registry = OperationRegistry(operations)
    store = try Store(at: folder["cache"])
    folder.write(pipeline.replacingOccurrences(of: "@HERE", with: folder.path), to: "brake.yaml")
    for (name, text) in files { folder.write(text, to: name) }
  }

  /// As another process would have it.
  func engine(
    _ overrides: [(name: String, value: String)] = [], on files: any FileSystem = LocalFileSystem(),
    sources: [any ArtefactSource] = []
  ) throws -> Engine {
    let text = String(decoding: folder.read("brake.yaml")!, as: UTF8.self)
    return Engine(
      source: PipelineSource(try PipelineFile(text: text, path: "brake.yaml")), overrides: overrides,
      root: folder.path, store: try Store(at: folder["cache"], files: files), registry: registry,
      sources: sources)
  }

  @discardableResult func run(
    _ targets: [String] = [], _ overrides: [(name: String, value: String)] = [],
    options: RunOptions = RunOptions(), events: Events? = nil
  ) async throws -> RunSummary {
    try await engine(overrides).run(targets: targets, options: options) { events?.add($0) }
  }

  func text(_ name: String) -> String? { folder.read(name).map { String(decoding: $0, as: UTF8.self) } }

  /// The text of a target's only output.
  func output(_ target: String, _ name: String = "out", of summary: RunSummary) throws -> String {
    let digest = try #require(Digest(summary.outputs[target]?[name]?.string ?? ""))
    return String(decoding: try store.bytes(of: digest), as: UTF8.self)
  }

  /// Removes or damages an object behind the store's back.
  func object(_ digest: Digest) -> String {
    folder["cache/objects/\(digest.hex.prefix(2))/\(digest.hex.dropFirst(2))"]
  }
}

final class Events: Sendable {
  private let list = Mutex<[RunEvent]>([])
  func add(_ event: RunEvent) { list.withLock { $0.append(event) } }
  var all: [RunEvent] { list.withLock { $0 } }

  var ran: [String] {
    all.compactMap { if case .finished(let name, .ran, _) = $0 { name } else { nil } }
  }
  var finished: [String] {
    all.compactMap { if case .finished(let name, _, _) = $0 { name } else { nil } }
  }
  var notes: [String] { all.compactMap { if case .note(let text) = $0 { text } else { nil } } }
}

/// Writes its input a number of times.
struct Repeat: Actions.Operation {
  static let times = Parameter("times", default: 2, in: 0...10, help: "how often")
  static let separator = Parameter("separator", default: "", help: "what stands between")

  let name = "text.repeat"
  let revision = 1
  let summary = "Repeats a text."
  let inputs = [InputDeclaration("text", help: "any text")]
  let parameters: [any ParameterDeclaration] = [times, separator]
  let outputs = [OutputDeclaration("out", file: "out.txt", help: "the text, several times")]
  /// Such as a font.
  var systemFiles: [SystemFile] = []

  func run(_ context: OperationContext) async throws {
    let text = String(decoding: try context.input("text").bytes(), as: UTF8.self)
    try context.log("repeating \(context[Repeat.times]) times")
    let repeated = Array(repeating: text, count: context[Repeat.times])
    try context.write(Array(repeated.joined(separator: context[Repeat.separator]).utf8), to: "out")
  }
}

/// One artefact for each line `key value`.
struct Split: Actions.Operation {
  let name = "text.split"
  let revision = 1
  let summary = "Splits a text."
  let inputs = [InputDeclaration("text", help: "lines of key and value")]
  let parameters: [any ParameterDeclaration] = []
  let outputs = [OutputDeclaration("parts", file: ".txt", keyed: true, help: "the values by key")]

  func run(_ context: OperationContext) async throws {
    let text = String(decoding: try context.input("text").bytes(), as: UTF8.self)
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ", maxSplits: 1)
      try context.write(Array(words[1].utf8), to: "parts", key: String(words[0]))
    }
  }
}
