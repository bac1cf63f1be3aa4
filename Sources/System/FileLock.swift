internal import Glibc

/// The lock that a process can hold on an open file (`flock`): the kernel drops it when the file is closed, and so when
/// the process ends, however it ends. It keeps nobody from reading or writing.
package enum FileLock {
  /// - Parameter shared: whether others may hold it in the same way.
  /// - Returns: false if somebody else holds it, or the file system has no locks.
  package static func take(_ file: Int32, shared: Bool = false) -> Bool {
    flock(file, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0
  }

  /// For whoever waits until nobody else holds it, which would be for ever where there are no locks.
  ///
  /// - Parameter path: of the file, for messages.
  /// - Returns: false if somebody else holds it.
  /// - Throws: `.system` if nobody can have it, such as where the file system has no locks.
  package static func take(_ file: Int32, shared: Bool = false, path: String) throws(Failure) -> Bool {
    while true {
      if flock(file, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0 { return true }
      let code = errno
      if code == EAGAIN { return false }
      if code == EINTR { continue }
      throw Failure(
        .system, "cannot lock \(path): \(String(cString: strerror(code)))",
        hint: "put the store on a file system that has locks, or run on the machine that has the disk",
        errno: code)
    }
  }

  /// For whoever gives it back before its process ends: closing the file does so only once processes that are just being started, which
  /// have a copy of it for a moment, have closed theirs.
  package static func giveBack(_ file: Int32) { flock(file, LOCK_UN) }
}
