public import Actions
public import Artefacts
import System

/// An action that was executed again although it is recorded, while what it has made is still there.
public struct Repetition: Sendable {
  /// An output as it is recorded and as it has been made again; one of both may be missing.
  public struct Output: Sendable {
    /// `checkpoints[256]`, or `fit` of a single artefact.
    public let label: String
    public let recorded: Artefact?
    public let again: Artefact?
    /// Where that stands, for as long as the repetition is looked at.
    public let path: String?
    /// Whether it could be executed, and can be executed now.
    public let wasExecutable: Bool
    public let isExecutable: Bool

    public var isSame: Bool { recorded == again && wasExecutable == isExecutable }
  }

  public let instance: String
  public let key: Digest
  /// In the order of the record; then what the record does not have.
  public let outputs: [Output]
  public let seconds: Double

  public var isSame: Bool { outputs.allSatisfy(\.isSame) }

  init(_ action: Action, _ record: Record, _ result: ActionResult, seconds: Double) throws {
    let files = result.outputs
    let scratch = result.scratch
    instance = action.name
    key = action.key
    self.seconds = seconds
    var made: [String: OutputFile] = [:]
    for file in files { made[file.label] = file }
    var outputs: [Output] = []
    for output in record.outputs {
      let file = made.removeValue(forKey: output.label)
      outputs.append(
        Output(
          label: output.label, recorded: output.artefact,
          again: try file.map { try StatCache.artefact(reading: $0.path, files: scratch.files) },
          path: file?.path,
          wasExecutable: output.isExecutable,
          isExecutable: try file.map { try scratch.files.isExecutable($0.path) } ?? false))
    }
    for file in files where made[file.label] != nil {
      outputs.append(
        Output(
          label: file.label, recorded: nil,
          again: try StatCache.artefact(reading: file.path, files: scratch.files),
          path: file.path,
          wasExecutable: false, isExecutable: try scratch.files.isExecutable(file.path)))
    }
    self.outputs = outputs
  }
}

extension OutputFile {
  fileprivate var label: String { name + (key.map { "[\($0)]" } ?? "") }
}

/// What came of executing an action again.
public enum RepetitionOutcome<Report: Sendable>: Sendable {
  case done(Report)
  case failed(PipelineError)

  /// Whether there is something to report.
  public var isDone: Bool { if case .done = self { true } else { false } }
}
