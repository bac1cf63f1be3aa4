import Dispatch

/// Runs the engine's tasks on threads that may block: they read and write files, compress, and compute for minutes,
/// which the cooperative pool is not made for.
final class BlockingExecutor: TaskExecutor {
  static let shared = BlockingExecutor()

  private let queue = DispatchQueue(label: "brake.engine", attributes: .concurrent)

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }
}
