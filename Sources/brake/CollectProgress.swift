import ArgumentParser
import Runs

/// One line on a terminal that says how far a collection is.
struct CollectProgress: Sendable {
  private let terminal = Terminal()

  func show(_ phase: StoreKeeper.Phase) throws {
    try Task.checkCancellation()
    guard terminal.isTerminal else { return }
    let text =
      switch phase {
      case .looking: "finding out what is needed"
      case .settingAside(let done, let total): "setting aside \(done)/\(total)"
      case .lookingAgain: "finding out again what is needed"
      case .removing: "removing"
      }
    Output.noteRaw("\r\u{1B}[K" + text)
  }

  func end() { if terminal.isTerminal { Output.noteRaw("\r\u{1B}[K") } }
}

extension Interruption {
  /// Work that tells how far it is, ended by a signal.
  static func asking<Value: Sendable>(
    _ body: @escaping @Sendable (CollectProgress) async throws -> Value, interrupted: String
  ) async throws -> Value {
    let progress = CollectProgress()
    defer { progress.end() }
    do { return try await cancelling { try await body(progress) } } catch let error as Interruption {
      progress.end()
      Output.note("\(error); \(interrupted)")
      throw ExitCode(128 + error.signal)
    }
  }
}
