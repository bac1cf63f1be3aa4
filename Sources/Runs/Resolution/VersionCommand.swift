import Actions
import Artefacts
import Pipeline
import Runners
import System

/// Asks a program for its version.
struct VersionCommand: Sendable {
  let store: Store
  /// Where it runs: the pipeline's root.
  let root: String
  let guardExecutable: String?
  var limit: Duration = .seconds(30)

  /// The first 4 KiB that it prints.
  func output(of tool: ToolIdentities.Tool, for instance: StageInstance) async throws -> String {
    let scratch = try Scratch(in: store)
    defer { scratch.remove() }
    let shell = ["/bin/sh", "-c", tool.version]
    let process = ChildProcess(
      arguments: guardExecutable.map { CommandGuard.arguments(around: shell, by: $0) } ?? shell,
      environment: tool.environment, folder: root, streams: .log(scratch.log), patience: .milliseconds(200))
    let facts = [
      (label: "stage", value: instance.name), (label: "program", value: tool.name),
      (label: "version command", value: tool.version),
    ]
    guard let ending = try await within(limit, process.run) else {
      throw PipelineError(
        "a version command did not end within \(limit.components.seconds) seconds", at: instance.position,
        facts: facts, hint: "it was killed: give one that answers quickly")
    }
    let printed = try? scratch.files.contents(of: scratch.log, limit: 1 << 20)
    guard ending == .exited(0), let printed, !printed.isEmpty else {
      throw PipelineError(
        "the version of '\(tool.name)' cannot be found out", at: instance.position, facts: facts,
        hint: "the command must print something (at most a megabyte) and exit with 0")
    }
    return String(decoding: printed.prefix(4096), as: UTF8.self)
  }

  /// Nil if it took longer, once it has ended.
  private func within<Value: Sendable>(
    _ limit: Duration, _ body: @escaping @Sendable () async throws -> Value
  ) async throws -> Value? {
    try await withThrowingTaskGroup(of: Value?.self) { group in
      group.addTask { try await body() }
      group.addTask {
        try await Task.sleep(for: limit)
        return nil
      }
      let first = try await group.next() ?? nil
      group.cancelAll()
      // The child is gone when its task is.
      while (try? await group.next()) != nil {}
      return first
    }
  }
}
