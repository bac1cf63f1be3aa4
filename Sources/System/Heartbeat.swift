internal import Glibc
internal import Synchronization

/// Lets the folders of this process show that it lives, every few seconds, and look about for those of the dead, every
/// minute. One thread of its own for all of them: work on the other threads must not be able to hold it up.
enum Heartbeat {
  private struct Weak: Sendable {
    weak let folder: ProcessFolder?
  }

  private struct State {
    var folders: [ObjectIdentifier: Weak] = [:]
    var isRunning = false
  }

  private static let state = Mutex(State())
  private static let seconds: UInt32 = 5

  static func add(_ folder: ProcessFolder) {
    let isFirst = state.withLock { state in
      state.folders[ObjectIdentifier(folder)] = Weak(folder: folder)
      defer { state.isRunning = true }
      return !state.isRunning
    }
    if isFirst { start() }
  }

  static func remove(_ folder: ProcessFolder) {
    state.withLock { _ = $0.folders.removeValue(forKey: ObjectIdentifier(folder)) }
  }

  private static var living: [ProcessFolder] { state.withLock { $0.folders.values.compactMap(\.folder) } }

  private static func start() {
    // What is still held when the process ends in order goes with it.
    atexit { for folder in Heartbeat.living { folder.remove() } }
    // Signals are for other threads.
    var all = sigset_t()
    var previous = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &previous)
    var thread = pthread_t()
    if pthread_create(&thread, nil, { _ in Heartbeat.run() }, nil) == 0 { pthread_detach(thread) }
    pthread_sigmask(SIG_SETMASK, &previous, nil)
  }

  private static func run() -> Never {
    let clock = ContinuousClock()
    let start = clock.now
    var looked = Duration.zero
    while true {
      sleep(seconds)
      let time = clock.now - start
      let isTimeToLook = time - looked >= LeftoverWatch.interval
      if isTimeToLook { looked = time }
      for folder in living {
        folder.beat()
        if isTimeToLook { folder.lookAround(at: time) }
      }
    }
  }
}
