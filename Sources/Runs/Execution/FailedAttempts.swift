import Actions
import System

/// What the attempts printed and took that failed before the one that is kept: a part of its log, and of what the action took.
struct FailedAttempts: Sendable {
  private(set) var printed: [UInt8] = []
  /// Nil before the first.
  var effort: Effort?
  private(set) var count = 0

  /// - Parameter earlier: what attempts of earlier runs printed.
  mutating func begin(behind earlier: [UInt8]) { printed = earlier }

  /// Of each, the last so many bytes.
  private static let most = 256 << 10

  /// - Parameter most: how many attempts there are at most.
  mutating func add(_ scratch: Scratch, failure: String, of most: Int) {
    count += 1
    add(scratch, end: "attempt \(count) of \(most) failed: \(failure.visible())")
  }

  /// - Parameter end: how it ended.
  mutating func add(_ scratch: Scratch, end told: String) {
    if scratch.hasLog, let end = try? scratch.files.end(of: scratch.log, limit: FailedAttempts.most) {
      printed += end
      if end.last != UInt8(ascii: "\n") { printed.append(UInt8(ascii: "\n")) }
    }
    printed += Array("--- \(told)\n".utf8)
  }

  /// Puts it before what the next attempt has printed. A log that cannot be written is not worth a failure.
  func put(before scratch: Scratch) {
    if printed.isEmpty { return }
    let files = scratch.files
    let whole = scratch.path + "/log.whole"
    do {
      try files.write(printed, to: whole)
      if let log = try InputFile.ifPresent(scratch.log, followingLinks: false, files: files) {
        try files.append(0..<log.size, of: log, to: whole)
      }
      try files.rename(whole, to: scratch.log)
    } catch {
      try? files.remove(whole)
    }
  }
}
