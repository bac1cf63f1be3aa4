import Actions
public import Artefacts
import Pipeline
import System

/// What a stage instance printed, and where that is.
public struct StageLog: Sendable {
  public enum Place: Sendable, Equatable {
    /// It has neither run nor failed.
    case none
    /// A file that grows: the stage runs now, here or in another process.
    case running(String)
    /// The file that its last failure left, and the folder with what it had written by then.
    case failed(String, work: String?)
    /// The same of its last attempt, which was stopped, as by Ctrl-C.
    case stopped(String, work: String?)
    /// The files of attempts that saved something and were killed with brake, one after the other.
    case killed([String])
    /// The log that is kept with its record.
    case recorded(Digest)
    /// It ran and printed nothing.
    case empty
  }

  public let instance: String
  public let place: Place
  /// The action's key; nil while it waits for its inputs.
  public let key: Digest?
  /// The record of the run that printed it; nil if none counts, or it runs now or has failed.
  public let record: Record?
  let metrics: Metrics?
  let store: Store

  init(instance: String, place: Place, key: Digest?, record: Record?, metrics: Metrics?, store: Store) {
    self.metrics = metrics
    self.instance = instance
    self.place = place
    self.key = key
    switch place {
    case .recorded, .empty: self.record = record
    case .none, .running, .failed, .stopped, .killed: self.record = nil
    }
    self.store = store
  }

  /// Whether it still runs, and what it prints is still to come.
  public var isRunning: Bool {
    guard case .running(let path) = place, let key else { return false }
    return RunningAction.log(of: key, in: store) == path
  }

  /// Whether an attempt that did not end has saved something from which the next one goes on.
  public var hasSaved: Bool {
    guard let key else { return false }
    return SavedFiles(store: store).hasSaved(key)
  }

  /// Hands out what was printed, piece by piece; of a running stage, what it has printed so far.
  public func stream(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    switch place {
    case .none, .empty: break
    case .recorded(let digest): try store.stream(digest, body)
    case .running(let path), .failed(let path, _), .stopped(let path, _): try stream(path, body)
    case .killed(let paths): for path in paths { try stream(path, body) }
    }
  }

  /// Hands out what was printed so far and then, as long as the stage runs, what it prints.
  ///
  /// - Parameter pause: between two looks.
  public func follow(
    pause: Duration = .milliseconds(100), _ body: (UnsafeRawBufferPointer) throws -> Void
  ) async throws {
    guard case .running(let path) = place else { return try stream(body) }
    // Kept open: when the stage ends, the file goes elsewhere with the last lines in it.
    guard let log = try open(path) else { return }
    var offset = 0
    while true {
      let wasRunning = isRunning
      offset = try log.forEachPiece(from: offset, body)
      if !wasRunning { return }
      try await Task.sleep(for: pause)
    }
  }

  private func stream(_ path: String, _ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    // Without one it has ended in this moment, and the file is somewhere else.
    _ = try open(path)?.forEachPiece(from: 0, body)
  }

  private func open(_ path: String) throws -> InputFile? {
    try InputFile.ifPresent(path, followingLinks: false, files: store.files)
  }
}

extension Engine {
  /// The logs of the targets' instances: of the stage that runs now, of its last failure if there was one since it last ran, of the
  /// recorded run, or where there is none, of the attempts that were stopped or killed.
  public func logs(targets: [String]) async throws -> [StageLog] {
    try await withTaskExecutorPreference(TaskThreads.shared) {
      let survey = try Survey(self, targets: targets, isLooking: true)
      let names = Set(try survey.plan.selection(targets).targets)
      return survey.findings.filter { names.contains($0.instance.name) }.map { finding in
        StageLog(
          instance: finding.instance.name, place: place(of: finding), key: finding.action?.key,
          record: finding.record,
          metrics: finding.instance.outputs.first { $0.name == "metrics" && !$0.keyed }.map { output in
            StageLog.Metrics(
              file: output.file,
              digest: finding.record?.outputs.first { $0.name == output.name }?.artefact.digest)
          }, store: store)
      }
    }
  }

  private func place(of finding: Survey.Finding) -> StageLog.Place {
    guard let action = finding.action else { return .none }
    if let path = RunningAction.log(of: action.key, in: store) { return .running(path) }
    // A success removes them: those of a recorded action are of later attempts to make it anew.
    let failure = failures.latest(ofKey: action.key)
    if failure?.isStopped != false, let record = finding.record {
      return record.log.map { .recorded($0) } ?? .empty
    }
    // Where somebody does it now elsewhere, nothing was killed.
    if AttemptTrace.wasKilled(action.key, in: store), leases.about(action.key) == nil {
      return .killed(AttemptTrace.logs(of: action.key, in: store))
    }
    guard let last = failure ?? failures.latest(of: action) else { return .none }
    return last.isStopped ? .stopped(last.log, work: last.work) : .failed(last.log, work: last.work)
  }
}
