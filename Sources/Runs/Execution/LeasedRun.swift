import Actions
import Artefacts

/// One execution of an action, once this process has the right to it.
struct LeasedRun: Sendable {
  enum End: Sendable {
    /// Another process has the right.
    case leased
    /// Others have the graphics processors that it needs.
    case crowded
    /// Another process has recorded it in the meantime.
    case found(Record)
    case ran(ActionRun.Outcome, Lease?)
  }

  let action: Action
  /// As events name it.
  let name: String
  let engine: Engine
  let threads: Int
  let isAnew: Bool
  /// What it has of graphics processors; nil if that is to be seen.
  var graphics: GraphicsShare? = nil
  let observe: @Sendable (RunEvent) -> Void
  /// Called when an attempt has failed and another is about to begin.
  var retried: @Sendable () -> Void = {}

  func run() async -> End {
    do {
      guard let lease = try engine.leases.take(action.key) else { return .leased }
      // Another process may have finished it since it was looked up.
      if !isAnew, case .hit(let record) = try engine.lookup(action) { return .found(record) }
      return try await engine.holdingToken(graphics, for: action) { await run(lease, $0) } ?? .crowded
    } catch {
      return .ran(.failed(PipelineError(wrapping: error, in: action), seconds: 0, notes: []), nil)
    }
  }

  private func run(_ lease: Lease, _ graphics: GraphicsShare) async -> End {
    let outcome = await LeaseTeller.run(
      lease, stage: name,
      report: { observe(.progress(instance: name, fraction: $0.fraction, text: $0.text)) }
    ) { report in
      await ActionRun(
        action: action, engine: engine, threads: threads, isAnew: isAnew, graphics: graphics,
        isLost: { lease.isLost }, retried: retried
      ).run(report: report)
    }
    // Another process took this one for dead, perhaps since it was stopped: it has recorded the action by now, or does it.
    if case .failed = outcome, lease.isLost, !Task.isCancelled { return .leased }
    return .ran(outcome, lease)
  }
}
