internal import Dispatch
internal import Glibc
internal import Synchronization

/// A few pieces of work at once, on the threads of the system's queue. The caller's thread takes part and waits.
package enum Parallel {
  /// Chunks in memory at once, for each object that is read or written.
  package static let window = min(8, max(2, 2 * sysconf(Int32(_SC_NPROCESSORS_ONLN))))

  /// Runs `body` for 0..<count. Throws the error of the lowest number that failed.
  package static func run<Thrown: Error>(
    _ count: Int, _ body: @Sendable (Int) throws(Thrown) -> Void
  ) throws(Thrown) {
    if count == 1 { return try body(0) }
    let failures = Mutex<[Int: Thrown]>([:])
    DispatchQueue.concurrentPerform(iterations: count) { index in
      do throws(Thrown) { try body(index) } catch { failures.withLock { $0[index] = error } }
    }
    let first = failures.withLock { $0.min { $0.key < $1.key }?.value }
    if let first { throw first }
  }
}
