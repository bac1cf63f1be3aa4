internal import Dispatch

/// Runs tasks on threads that may block: they read and write files, compress, wait for other machines, and compute for
/// minutes, which the cooperative pool is not made for.
package final class TaskThreads: TaskExecutor {
  package static let shared = TaskThreads()

  private let queue = DispatchQueue(label: "brake.blocking", attributes: .concurrent)

  package func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }
}
