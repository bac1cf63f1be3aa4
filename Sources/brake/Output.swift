import ArgumentParser
import Artefacts
import Glibc
import JSON
import System

/// What commands write. Facts go to the standard output, everything about the course of things to the standard error
/// output.
enum Output {
  /// Writes a text and, unless told otherwise, a line break to the standard output. Whatever the text is made of, no
  /// control character but the line break gets to a terminal.
  ///
  /// - Throws: if it cannot be written completely. A reader who has gone away ends the command without a word.
  static func print(_ text: String, terminator: String = "\n") throws {
    try printRaw(text.visible(lineBreaks: true) + terminator)
  }

  /// One line of JSON, in ASCII wherever a character would not show itself.
  static func print(_ json: JSON) throws { try printRaw(json.visible + "\n") }

  /// Writes a text that may hold colours; what comes from data is `visible` in it.
  static func printRaw(_ text: String) throws {
    try Array(text.utf8).withUnsafeBytes { try write($0) }
  }

  static func write(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes
    while !rest.isEmpty {
      let count = Glibc.write(STDOUT_FILENO, rest.baseAddress, rest.count)
      if count < 0 && errno == EINTR { continue }
      if count < 0 && errno == EPIPE { throw ExitCode(128 + SIGPIPE) }
      guard count > 0 else {
        throw Failure(
          .system, "cannot write to the standard output: \(String(cString: strerror(errno)))", errno: errno)
      }
      rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
    }
  }

  /// Writes a text and a line break to the standard error output, with control characters as in `print`.
  static func note(_ text: String) { noteRaw(text.visible(lineBreaks: true) + "\n") }

  /// Writes to the standard error output in one piece: movements of the cursor, colours, and text that is `visible`.
  /// Nothing can be said about its failure, and nothing is.
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

extension JSON {
  /// Canonical text in which characters that do not show themselves are written as `\u` escapes.
  var visible: String {
    let text = canonical
    if text.unicodeScalars.allSatisfy(\.isVisible) { return text }
    var visible = ""
    for scalar in text.unicodeScalars {
      if scalar.isVisible {
        visible.unicodeScalars.append(scalar)
      } else {
        for unit in UTF16.encode(scalar)! {
          let digits = String(unit, radix: 16)
          visible += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }
      }
    }
    return visible
  }
}
