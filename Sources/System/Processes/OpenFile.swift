import Glibc

/// An open file that is closed with its last owner.
final class OpenFile: Sendable {
  let number: Int32

  init(taking number: Int32) { self.number = number }

  /// Another number for what is open under this one.
  init?(copying number: Int32) {
    self.number = fcntl(number, F_DUPFD_CLOEXEC, 10)
    if self.number < 0 { return nil }
  }

  deinit { close(number) }

  /// Both ends of a new pipe; nil if there can be none.
  static func pipe() -> (read: OpenFile, write: OpenFile)? {
    var ends: [Int32] = [-1, -1]
    guard Glibc.pipe(&ends) == 0 else { return nil }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (OpenFile(taking: ends[0]), OpenFile(taking: ends[1]))
  }

  /// Another number, above those that a child is given.
  func high() -> OpenFile? { OpenFile(copying: number) }

  /// The same pipe, opened anew so that reading and writing do not wait, whatever others want of it.
  func reopened(_ mode: Int32) -> OpenFile? {
    let file = open("/proc/self/fd/\(number)", mode | O_CLOEXEC | O_NONBLOCK)
    return file < 0 ? nil : OpenFile(taking: file)
  }

  static func isPipe(_ number: Int32) -> Bool {
    var status = stat()
    return fstat(number, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO
  }
}
