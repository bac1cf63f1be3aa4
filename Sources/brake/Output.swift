import ArgumentParser
import Artefacts
import Glibc
import JSON

/// What commands write. Facts go to the standard output, everything about the course of things to the standard error
/// output.
enum Output {
  /// Writes a text and, unless told otherwise, a line break to the standard output.
  ///
  /// - Throws: if it cannot be written completely. A reader who has gone away ends the command without a word.
  static func print(_ text: String, terminator: String = "\n") throws {
    try Array((text + terminator).utf8).withUnsafeBytes { try write($0) }
  }

  static func print(_ json: JSON) throws { try print(json.canonical) }

  static func write(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes
    while !rest.isEmpty {
      let count = Glibc.write(STDOUT_FILENO, rest.baseAddress, rest.count)
      if count < 0 && errno == EINTR { continue }
      if count < 0 && errno == EPIPE { throw ExitCode(128 + SIGPIPE) }
      guard count > 0 else {
        throw ArtefactError(
          .system, "cannot write to the standard output: \(String(cString: strerror(errno)))", errno: errno)
      }
      rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
    }
  }

  /// Writes a text and a line break to the standard error output.
  static func note(_ text: String) { noteRaw(text + "\n") }

  /// Writes to the standard error output in one piece. Nothing can be said about its failure, and nothing is.
  static func noteRaw(_ text: String) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return }
      bytes = bytes.dropFirst(count)
    }
  }
}
