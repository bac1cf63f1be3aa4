internal import Glibc
internal import Synchronization

/// The threads that help with work that is cut in pieces. A process has one crew, which grows to the largest number asked
/// for and helps one caller at a time.
///
/// Kernels follow each other within microseconds, so its workers watch for the next job for a while before they sleep,
/// and a job never waits for a worker that has not woken up in time.
final class Crew: Sendable {
  static let shared = Crew()

  private static let joined: UInt = 1
  private static let invitation: UInt = 1 << 12
  private static let number: UInt = 1 << 24
  /// Workers at most: a number must fit into the 12 bits of `state` that count them.
  private static let limit = 4095
  /// Looks at the state before a worker sleeps, and between any two of them that yield the processor.
  private static let patience = (looks: 4_000, yield: 100)

  /// Whether a caller has the crew: it alone changes `job`, `size` and the number of the job.
  private let isTaken = Atomic(false)
  /// Of the current job: how many workers are at it (bits 0-11), how many more may join it (bits 12-23), its number.
  private let state = Atomic<UInt>(0)
  private let next = Atomic(0)
  private let sleepers = Atomic(0)
  nonisolated(unsafe) private var job: (pieces: Int, body: (_ first: Int, _ last: Int) -> Void)?
  nonisolated(unsafe) private var size = 0
  private let bed = Bed()

  /// Computes the pieces 0..<pieces on this thread and at most `helpers` others; all are done when it returns. If the crew
  /// is at work for another caller, this thread computes them alone.
  func run(_ pieces: Int, helpers: Int, _ body: (_ first: Int, _ last: Int) -> Void) {
    guard isTaken.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged else {
      for piece in 0..<pieces { body(piece, piece + 1) }
      return
    }
    let helpers = grow(to: min(helpers, Crew.limit))
    withoutActuallyEscaping(body) { body in
      job = (pieces, body)
      next.store(0, ordering: .relaxed)
      let number = state.load(ordering: .relaxed) / Crew.number &+ 1
      let open = number &* Crew.number | UInt(helpers) * Crew.invitation
      state.store(open, ordering: .sequentiallyConsistent)
      if sleepers.load(ordering: .sequentiallyConsistent) > 0 { bed.wake() }
      work()
      // No more workers may join; those who have are waited for.
      state.bitwiseAnd(~(Crew.number - Crew.invitation), ordering: .relaxed)
      var looks = 0
      while state.load(ordering: .acquiring) % Crew.invitation > 0 {
        looks += 1
        if looks % Crew.patience.yield == 0 { sched_yield() }
      }
      job = nil
    }
    isTaken.store(false, ordering: .releasing)
  }

  /// Starts the workers that are missing.
  /// - Returns: how many there are, at most `count`.
  private func grow(to count: Int) -> Int {
    while size < count {
      var thread = pthread_t()
      let code = pthread_create(
        &thread, nil,
        { _ in
          while true { Crew.shared.help() }
        }, nil)
      guard code == 0 else { break }
      pthread_detach(thread)
      size += 1
    }
    return min(size, count)
  }

  /// A worker's part in one job.
  private func help() {
    awaitJob()
    let open = state.load(ordering: .relaxed)
    guard Crew.isOpen(open) else { return }
    let (joined, _) = state.compareExchange(
      expected: open, desired: open - Crew.invitation + Crew.joined, ordering: .acquiring)
    guard joined else { return }
    work()
    state.subtract(Crew.joined, ordering: .releasing)
  }

  /// Takes pieces until there are none.
  private func work() {
    guard let (pieces, body) = job else { return }
    while true {
      let piece = next.wrappingAdd(1, ordering: .relaxed).oldValue
      guard piece < pieces else { return }
      body(piece, piece + 1)
    }
  }

  /// Returns when workers may join a job, or could a moment ago.
  private func awaitJob() {
    for look in 1...Crew.patience.looks {
      if Crew.isOpen(state.load(ordering: .relaxed)) { return }
      if look % Crew.patience.yield == 0 { sched_yield() }
    }
    sleepers.add(1, ordering: .sequentiallyConsistent)
    bed.sleep { !Crew.isOpen(state.load(ordering: .sequentiallyConsistent)) }
    sleepers.subtract(1, ordering: .relaxed)
  }

  /// Whether workers may join.
  private static func isOpen(_ state: UInt) -> Bool { state % number >= invitation }
}

/// Where workers sleep.
private final class Bed: Sendable {
  nonisolated(unsafe) private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  nonisolated(unsafe) private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  func sleep(while isIdle: () -> Bool) {
    pthread_mutex_lock(mutex)
    while isIdle() { pthread_cond_wait(condition, mutex) }
    pthread_mutex_unlock(mutex)
  }

  func wake() {
    pthread_mutex_lock(mutex)
    pthread_cond_broadcast(condition)
    pthread_mutex_unlock(mutex)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }
}
