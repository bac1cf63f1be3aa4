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
    let running: pid_t? = state.withLock { state in
      switch state {
      case .running(let process): return process
      case .new: state = .cancelled
      case .cancelled, .ended: break
      }
      return nil
    }
    guard let process = running else { return }
    var farewell = Farewell(process, isHolder: isHolder)
    // All of this before anybody is told: what hears the signal may have ended right after.
    foresee(.telling)
    if farewell.isHeard(signal) { foresee(.heard) }
    whileRunning { _ in farewell.tell(signal) }
    // What was foreseen may have taken its time, which is not the child's.
    let end = ContinuousClock.now + patience
    while ContinuousClock.now < end, isRunning, farewell.isWaiting, !Task.isCancelled {
      try? await Task.sleep(for: .milliseconds(20))
    }
    if isRunning {
      let isBusy = farewell.isWaiting
      // So that none of them writes anything between the look at it and its end.
      send(SIGSTOP)
      foresee(.killing(isBusy: isBusy))
    }
    send(SIGKILL)
  }

  /// Ends the child and all its descendants at once.
  func endAtOnce() { send(SIGKILL) }

  /// What a child that has ended left running in its group ends with it.
  func endGroup() {
    if case .ended(let process) = state.withLock({ $0 }) { kill(-process, SIGKILL) }
  }

  /// Sends the child and all its descendants a signal that nobody can do anything about.
  private func send(_ signal: Int32) {
    whileRunning { process in
      let below = ProcessTree.descendants(of: process)
      kill(-process, signal)
      kill(process, signal)
      for descendant in below { kill(descendant, signal) }
    }
  }

  /// Does something as long as the child's number is its own, if it is.
  private func whileRunning(_ body: (pid_t) -> Void) {
    state.withLock { state in
      if case .running(let process) = state { body(process) }
    }
  }
}
