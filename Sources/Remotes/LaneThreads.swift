import Dispatch
import Glibc
import Synchronization

/// Runs tasks that wait for other machines: a thread each, made when it is needed and gone when it has had nothing to do for
/// a while. A pool that goes by the number of processors would keep most of them waiting for a place.
final class LaneThreads: TaskExecutor {
  static let shared = LaneThreads()

  private struct State {
    var jobs: [UnownedJob] = []
    /// Threads that wait for a job.
    var idle = 0
  }

  private let state = Mutex(State())
  private let news = DispatchSemaphore(value: 0)
  private static let patience = DispatchTimeInterval.seconds(2)

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    let isShort = state.withLock { state in
      state.jobs.append(job)
      return state.jobs.count > state.idle
    }
    if isShort { start() } else { news.signal() }
  }

  private func start() {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    var thread = pthread_t()
    let code = pthread_create(
      &thread, &attributes,
      { _ in
        LaneThreads.shared.work()
        return nil
      }, nil)
    pthread_attr_destroy(&attributes)
    if code != 0 { DispatchQueue.global().async { self.work() } }
  }

  private func work() {
    while true {
      let job = state.withLock { state -> UnownedJob? in
        if state.jobs.isEmpty {
          state.idle += 1
          return nil
        }
        return state.jobs.removeFirst()
      }
      if let job {
        job.runSynchronously(on: asUnownedTaskExecutor())
        continue
      }
      let hasTime = news.wait(timeout: .now() + LaneThreads.patience) == .success
      let isOver = state.withLock { state in
        state.idle -= 1
        return !hasTime && state.jobs.isEmpty
      }
      if isOver { return }
    }
  }
}
