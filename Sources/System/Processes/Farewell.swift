import Glibc

/// Tells a program and what it has started that they are to end soon, so that those which know what to do about it can.
///
/// A process that has children and does nothing about the signal would only die of it: a shell that waits for a training,
/// whose end is the end of the training where they share a sandbox, and which, told nothing, would go on with its next line. It is
/// stopped instead, and killed in the end.
struct Farewell {
  private let process: pid_t
  /// Whether the process itself only holds those below it together, and is left alone.
  private let isHolder: Bool
  /// Those that were stopped, or die of the signal.
  private var lost: Set<pid_t> = []

  init(_ process: pid_t, isHolder: Bool) {
    self.process = process
    self.isHolder = isHolder
  }

  /// Whether one of those that run now does something about a signal.
  func isHeard(_ signal: Int32) -> Bool {
    members.contains { member in
      ProcessStatus(member).map { !$0.isDead && $0.catches(signal) } ?? false
    }
  }

  /// Tells all that run now. What one of them then starts, to save its work perhaps, is told nothing.
  mutating func tell(_ signal: Int32) {
    // Those that are stopped start nothing more; one may have done so until then.
    for _ in 0..<5 {
      let idle = members.filter { member in
        guard !lost.contains(member), let status = ProcessStatus(member), !status.isDead else { return false }
        return status.hasDefault(for: signal) && ProcessTree.hasChildren(member)
      }
      if idle.isEmpty { break }
      for member in idle {
        kill(member, SIGSTOP)
        lost.insert(member)
      }
    }
    for member in members where !lost.contains(member) {
      guard let status = ProcessStatus(member), !status.isDead else { continue }
      if status.hasDefault(for: signal) { lost.insert(member) }
      kill(member, signal)
    }
  }

  /// Whether there is anything left to be waited for.
  var isWaiting: Bool {
    members.contains { member in
      !lost.contains(member) && ProcessStatus(member).map { !$0.isDead } ?? false
    }
  }

  /// Parents before their children.
  private var members: [pid_t] { (isHolder ? [] : [process]) + ProcessTree.descendants(of: process) }
}

/// What `/proc` says of a process.
private struct ProcessStatus {
  /// Has ended, and nobody has looked at it yet.
  let isDead: Bool
  /// Signals, a bit each.
  private let (ignored, caught): (UInt64, UInt64)

  /// Nil if there is none.
  init?(_ process: pid_t) {
    guard let bytes = try? LocalFileSystem().contents(of: "/proc/\(process)/status", limit: 1 << 16) else {
      return nil
    }
    var isDead = false
    var (ignored, caught): (UInt64, UInt64) = (0, 0)
    for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
      let words = line.split(whereSeparator: \.isWhitespace)
      guard words.count >= 2 else { continue }
      switch words[0] {
      case "State:": isDead = words[1] == "Z" || words[1] == "X"
      case "SigIgn:": ignored = UInt64(words[1], radix: 16) ?? 0
      case "SigCgt:": caught = UInt64(words[1], radix: 16) ?? 0
      default: break
      }
    }
    self.isDead = isDead
    (self.ignored, self.caught) = (ignored, caught)
  }

  func catches(_ signal: Int32) -> Bool { caught >> UInt64(signal - 1) & 1 != 0 }

  /// Whether it neither catches nor ignores a signal.
  func hasDefault(for signal: Int32) -> Bool { (ignored | caught) >> UInt64(signal - 1) & 1 == 0 }
}
