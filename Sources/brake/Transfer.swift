import ArgumentParser
import Artefacts
import Remotes
import System

/// Work that waits for another place, under the eyes of the user: a line on a terminal that says how far it is, and an end on
/// a signal.
enum Transfer {
  /// - Parameter kept: whether what had arrived stays when a signal ends it.
  /// - Throws: an `ExitCode` if a signal ended it.
  static func run<Value: Sendable>(
    _ verb: String, _ progress: TransferProgress, kept: Bool = true,
    _ body: @escaping @Sendable () async throws -> Value
  ) async throws -> Value {
    let terminal = Terminal()
    let display = Task {
      let start = ContinuousClock.now
      while terminal.isTerminal, !Task.isCancelled {
        try? await Task.sleep(for: .milliseconds(200))
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let rate = byteCount(Int(Double(progress.bytes) / max(seconds, 0.1)))
        let line =
          "\(verb) \(progress.objects) of \(progress.total) objects, \(byteCount(progress.bytes)), \(rate)/s"
        Output.noteRaw("\r\u{1B}[K" + line.fitted(to: terminal.size.columns - 1))
      }
    }
    let end = {
      display.cancel()
      await display.value
      if terminal.isTerminal { Output.noteRaw("\r\u{1B}[K") }
    }
    do {
      let value = try await Interruption.cancelling(body)
      await end()
      return value
    } catch {
      await end()
      guard let interruption = error as? Interruption else { throw error }
      Output.note(
        kept
          ? "\(interruption); what had arrived as a whole is kept, and the same command goes on with the rest: objects under way come again from their start"
          : "\(interruption); nothing was written")
      throw ExitCode(128 + interruption.signal)
    }
  }
}
