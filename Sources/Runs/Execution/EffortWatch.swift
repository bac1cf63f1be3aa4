import Actions
import System

/// Measures what an action takes that this process executes alone, from when this is made.
struct EffortWatch {
  private let start = ContinuousClock.now
  private let before = ProcessUsage.own

  /// - Parameter notes: has what the command of the action took, if that is what the action is.
  func effort(of action: Action, _ notes: ActionNotes) -> Effort {
    var effort = notes.effort ?? Effort(own(action))
    effort.seconds = seconds(since: start)
    effort.host = Machine.name
    return effort
  }

  /// What this process took, if the action is an operation. Its memory is known where it had less before.
  func own(_ action: Action) -> ProcessUsage? {
    guard case .operation = action.work else { return nil }
    let now = ProcessUsage.own
    let hasGrown = (now.peakMemory ?? 0) > (before.peakMemory ?? 0)
    return ProcessUsage(
      processorSeconds: now.processorSeconds - before.processorSeconds,
      peakMemory: hasGrown ? now.peakMemory : nil)
  }
}
