import Actions
import Synchronization
import System

/// Asks NVIDIA's driver once which graphics processors the machine has on which brake runs.
final class GraphicsQuestion: Sendable {
  /// The folders in which its program is looked for; nil for the user's own.
  private let searchPath: String?
  private let time: Duration
  private let answer = Mutex<GraphicsFacts??>(nil)

  /// - Parameter time: how long each of two questions may take. A driver that has lost a processor answers late, or never.
  init(searchPath: String? = nil, time: Duration = .seconds(10)) {
    self.searchPath = searchPath
    self.time = time
  }

  /// Waits for the answer; others who ask meanwhile wait, too.
  ///
  /// - Returns: nil if there is no such driver, or it does not say.
  func facts() -> GraphicsFacts? {
    answer.withLock { answer in
      if let answer { return answer }
      // A driver that does not answer is not asked anything else.
      let table = printed(["--query-gpu=name,driver_version", "--format=csv,noheader"])
      let facts = table.flatMap { GraphicsFacts(table: $0, overview: printed([]) ?? "") }
      answer = .some(facts)
      return facts
    }
  }

  /// Nil if the program is not there, fails, takes too long or prints too much.
  private func printed(_ arguments: [String]) -> String? {
    let program = FilterProgram("nvidia-smi", arguments: arguments, searchPath: searchPath)
    guard let result = try? program.run([], limit: 1 << 20, within: time), result.ending == .exited(0) else {
      return nil
    }
    return String(decoding: result.output, as: UTF8.self)
  }
}

extension Action {
  /// Whether its stage asks for graphics processors.
  var usesGraphics: Bool { (resources.gpus ?? 0) > 0 }
}
