import Actions
import Glibc
import Runs
import Synchronization

/// A file that is written line by line, each line at once. A line that cannot be written ends it, with a word and without
/// harm to the run.
final class LineFile: Sendable {
  private let path: String
  private let file: Int32
  private let isBroken = Atomic(false)

  /// - Parameter path: a file, which is replaced; `-` for the standard output, `/dev/fd/3` for what is open there.
  init(_ path: String) throws {
    self.path = path
    if let number = LineFile.descriptor(path) {
      // Opened by its name a socket would be refused, and a file be written from its start.
      file = fcntl(number, F_DUPFD_CLOEXEC, 0)
    } else {
      file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    }
    if file < 0 { throw PipelineError(system: "write", path) }
  }

  deinit { close(file) }

  private static func descriptor(_ path: String) -> Int32? {
    if path == "-" || path == "/dev/stdout" { return STDOUT_FILENO }
    if path == "/dev/stderr" { return STDERR_FILENO }
    for prefix in ["/dev/fd/", "/proc/self/fd/"] where path.hasPrefix(prefix) {
      return Int32(path.dropFirst(prefix.count))
    }
    return nil
  }

  func write(_ text: String) {
    if isBroken.load(ordering: .relaxed) { return }
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else {
        isBroken.store(true, ordering: .relaxed)
        return Output.note(
          "warning: the run goes on, but '\(path)' gets no more of it: \(String(cString: strerror(errno)))")
      }
      rest = rest.dropFirst(count)
    }
  }
}
