import Glibc
import Synchronization

/// A child between its start and its end, seen by the thread that waits and by those that end it.
final class RunningChild: Sendable {
  private enum State {
    case new, cancelled
    case running(pid_t)
    /// Its process number may be another's by now, that of its group is not as long as there are members.
    case ended(pid_t)
  }

  private let state = Mutex(State.new)
  private let expired = Atomic(false)
  private let taken = Mutex<ProcessUsage?>(nil)

  /// Its time is over.
  func expire() { if isRunning { expired.store(true, ordering: .relaxed) } }

  /// What it took; nil before its end is known.
  var usage: ProcessUsage? { taken.withLock { $0 } }
  var hasExpired: Bool { expired.load(ordering: .relaxed) }
  var isRunning: Bool { state.withLock { if case .running = $0 { true } else { false } } }

  func start(_ spawn: () throws(Failure) -> pid_t) throws(Failure) {
    let failure: Failure? = state.withLock { state in
      guard case .new = state else { return nil }
      do throws(Failure) {
        state = .running(try spawn())
        return nil
      } catch {
        return error
      }
    }
    if let failure { throw failure }
  }

  /// Returns at once where nothing was started.
  func wait() -> ProcessEnding {
    guard case .running(let process) = state.withLock({ $0 }) else { return .killed(signal: SIGKILL) }
    // Not reaped here, so that the number stays its own until nobody can send it a signal any more.
    var information = siginfo_t()
    while waitid(P_PID, id_t(process), &information, WEXITED | WNOWAIT) < 0 && errno == EINTR {}
    state.withLock { $0 = .ended(process) }
    var status: Int32 = 0
    var usage = rusage()
    while wait4(process, &status, 0, &usage) < 0 {
      guard errno == EINTR else { return .killed(signal: SIGKILL) }
    }
    taken.withLock { $0 = ProcessUsage(ofChild: usage) }
    let signal = status & 0x7F
    return signal == 0 ? .exited(status >> 8 & 0xFF) : .killed(signal: signal)
  }

  /// Tells the child and all its descendants that they are to end, lets them save what they have for some time, and then ends
  /// what is left. One that has not been started never is.
  ///
  /// - Parameters:
  ///   - isHolder: as for a `Farewell`.
  ///   - foresee: told what comes next.
  func windDown(
    _ signal: Int32, within patience: Duration, isHolder: Bool,
    foresee: (ChildProcess.Foreseen) -> Void = { _ in }
  ) async {
    let end = ContinuousClock.now + patience
    if isRunning { foresee(.telling) }
    let told: (process: pid_t, farewell: Farewell)? = state.withLock { state in
      switch state {
      case .running(let process):
        var farewell = Farewell(process, isHolder: isHolder)
        farewell.tell(signal)
        return (process, farewell)
      case .new: state = .cancelled
      case .cancelled, .ended: break
      }
      return nil
    }
    guard let told else { return }
    if told.farewell.isHeard { foresee(.heard) }
    while ContinuousClock.now < end, isRunning, told.farewell.isWaiting, !Task.isCancelled {
      try? await Task.sleep(for: .milliseconds(20))
    }
    if isRunning, told.farewell.isWaiting { foresee(.killing) }
    kill(descendantsOf: told.process)
  }

  /// Ends the child and all its descendants at once.
  func endAtOnce() {
    if case .running(let process) = state.withLock({ $0 }) { kill(descendantsOf: process) }
  }

  /// What a child that has ended left running in its group ends with it.
  func endGroup() {
    if case .ended(let process) = state.withLock({ $0 }) { Glibc.kill(-process, SIGKILL) }
  }

  private func kill(descendantsOf process: pid_t) {
    state.withLock { state in
      guard case .running(process) = state else { return }
      let below = ProcessTree.descendants(of: process)
      Glibc.kill(-process, SIGKILL)
      Glibc.kill(process, SIGKILL)
      for descendant in below { Glibc.kill(descendant, SIGKILL) }
    }
  }
}
