internal import Dispatch
internal import Glibc
internal import Synchronization

/// A few pieces of work at once, on the threads of the system's queue. The caller's thread takes part and waits.
enum Parallel {
  /// Chunks in memory at once, for each object that is read or written.
  static let window = min(8, max(2, 2 * sysconf(Int32(_SC_NPROCESSORS_ONLN))))

  /// Runs `body` for 0..<count. Throws the error of the lowest number that failed.
  static func run<Failure: Error>(
    _ count: Int, _ body: @Sendable (Int) throws(Failure) -> Void
  ) throws(Failure) {
    if count == 1 { return try body(0) }
    let failures = Mutex<[Int: Failure]>([:])
    DispatchQueue.concurrentPerform(iterations: count) { index in
      do throws(Failure) { try body(index) } catch { failures.withLock { $0[index] = error } }
    }
    let first = failures.withLock { $0.min { $0.key < $1.key }?.value }
    if let first { throw first }
  }
}
