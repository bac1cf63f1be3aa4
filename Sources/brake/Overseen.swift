import ArgumentParser
import Runs

/// Shows the course of work under the eyes of the user, and ends it on a signal.
enum Overseen {
  /// - Throws: an `ExitCode` if a signal ended it.
  static func run<Value: Sendable>(
    _ body: @escaping @Sendable (@escaping @Sendable (RunEvent) -> Void) async throws -> Value
  ) async throws -> Value {
    let terminal = Terminal()
    let watch = RunWatch(terminal.isTerminal ? TerminalDisplay(terminal) : PlainDisplay())
    async let _: Void = watch.keepTime()
    defer { watch.end() }
    do {
      return try await Interruption.cancelling { try await body { watch.take($0) } }
    } catch let interruption as Interruption {
      watch.end()
      Output.note("\(interruption); what was finished is kept")
      throw ExitCode(128 + interruption.signal)
    }
  }
}
