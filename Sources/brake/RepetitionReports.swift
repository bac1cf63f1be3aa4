import JSON
import Runs
import System

/// Reports on repetitions, and the exit status that they come to.
enum RepetitionReports {
  /// What came of an instance that was to be executed again.
  enum Line: Sendable {
    case repeated(RepetitionOutcome<RepetitionReport>)
    /// It was not up to date, and so ran once, with nothing to compare that with.
    case ran(seconds: Double)
  }

  /// - Returns: 0 if everything that could be compared has the same bytes, 1 if something has not, 2 if something failed.
  static func show(_ lines: [(instance: String, line: Line)], most: Int, json: Bool) throws -> Int32 {
    var status: Int32 = 0
    var objects: [JSON] = []
    for (instance, line) in lines {
      switch line {
      case .ran(let seconds):
        objects.append(["stage": .string(instance), "same": .null, "seconds": .number(seconds)])
        if !json {
          let verdict = "since it was not up to date: there is nothing to compare with"
          try Output.printRaw("\(instance): ran in \(duration(seconds)), \(verdict)".visible() + "\n")
        }
      case .repeated(.done(let report)):
        if !report.isSame { status = max(status, 1) }
        objects.append(report.json)
        if !json { try Output.printRaw(report.text(most: most)) }
      case .repeated(.failed(let error)):
        // Said when it failed.
        status = 2
        objects.append(["stage": .string(instance), "error": .string("\(error)")])
      }
    }
    if json { try Output.print(.array(objects)) }
    return status
  }
}
