internal import Glibc

/// Whether a file is being written.
package enum FileWriters {
  /// Linux's numbers of what its headers give to programs in C alone.
  private static let (setLease, setSignal): (Int32, Int32) = (1024, 10)

  /// Whether a process of this machine has a file open that it can write to: the kernel gives no read lease on such a file.
  /// - Returns: nil where that cannot be told, such as on many network file systems.
  package static func areThere(at path: String) -> Bool? {
    let file = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard file >= 0 else { return nil }
    defer { Glibc.close(file) }
    // Who opens it just now has the lease broken, which is told by a signal: the usual one would end this process.
    guard fcntl(file, setSignal, SIGURG) == 0 else { return nil }
    if fcntl(file, setLease, Int32(F_RDLCK)) == 0 {
      _ = fcntl(file, setLease, Int32(F_UNLCK))
      return false
    }
    return errno == EAGAIN ? true : nil
  }
}
