internal import Glibc

/// The lock that a process can hold on an open file (`flock`): the kernel drops it when the file is closed, and so when
/// the process ends, however it ends. It keeps nobody from reading or writing.
package enum FileLock {
  /// - Parameter shared: whether others may hold it in the same way.
  /// - Returns: false if somebody else holds it, or the file system has no locks.
  package static func take(_ file: Int32, shared: Bool = false) -> Bool {
    flock(file, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0
  }
}
