import Glibc

/// Memory that this process has and does not use.
enum FreeMemory {
  /// Gives it back to the system. What was allocated in one thread is otherwise kept for that thread once it is freed, and another one
  /// takes more.
  static func giveBack() { _ = trim?(0) }

  /// glibc's `malloc_trim`, which its module does not export.
  private static let trim = dlsym(nil, "malloc_trim").map {
    unsafeBitCast($0, to: (@convention(c) (Int) -> Int32).self)
  }
}
