import JSON
import Runs

/// Reports on repetitions, and the exit status that they come to.
enum RepetitionReports {
  /// - Returns: 0 if everything has the same bytes, 1 if something has not, 2 if something failed.
  static func show(
    _ outcomes: [(instance: String, outcome: RepetitionOutcome<RepetitionReport>)], most: Int, json: Bool
  ) throws -> Int32 {
    var status: Int32 = 0
    var objects: [JSON] = []
    for (instance, outcome) in outcomes {
      switch outcome {
      case .done(let report):
        if !report.isSame { status = max(status, 1) }
        objects.append(report.json)
        if !json { try Output.printRaw(report.text(most: most)) }
      case .failed(let error):
        // Said when it failed.
        status = 2
        objects.append(["stage": .string(instance), "error": .string("\(error)")])
      }
    }
    if json { try Output.print(.array(objects)) }
    return status
  }
}
