import Actions
import Glibc
import Synchronization
import System

/// Looks now and then at what the processes of a command take, as long as it runs.
///
/// Those in a sandbox are no children of this process, to which the system would tell at their end what they took.
final class CommandMeter: Sendable {
  private struct Sight {
    /// The first process of the command, once it was found.
    var process: pid_t?
    var usage: ProcessUsage?
    /// Whether the system has told what it took.
    var isOver = false
  }

  /// Where the first process of the command runs, and no other child of this one.
  private let folder: String
  private let seen: @Sendable (Effort) -> Void
  private let sight = Mutex(Sight())

  /// The second look, and those behind it, come later: most commands are short.
  private static let (first, most) = (Duration.milliseconds(100), Duration.seconds(1))

  /// - Parameters:
  ///   - folder: absolute, without links.
  ///   - seen: called with what was seen so far, until the system has told what the command took.
  init(folder: String, seen: @escaping @Sendable (Effort) -> Void) {
    self.folder = folder
    self.seen = seen
  }

  /// - Parameter told: what the system told at the end.
  /// - Returns: the larger numbers: what was in nobody's sight is in none of the others.
  func effort(_ told: ProcessUsage) -> Effort {
    sight.withLock { sight in
      sight.isOver = true
      return Effort(sight.usage.map { CommandMeter.larger(told, $0) } ?? told)
    }
  }

  func measuring<Result: Sendable>(_ body: @Sendable () async throws -> Result) async rethrows -> Result {
    let looks = Task {
      var pause = CommandMeter.first
      while true {
        try await Task.sleep(for: pause)
        look()
        pause = min(pause * 2, CommandMeter.most)
      }
    }
    defer { looks.cancel() }
    return try await body()
  }

  private func look() {
    guard let process = sight.withLock({ $0.process }) ?? find() else { return }
    var (seconds, peak) = (0.0, 0)
    for each in [process] + ProcessTree.descendants(of: process) {
      seconds += CommandMeter.seconds(each)
      peak = max(peak, CommandMeter.peak(each))
    }
    let now = ProcessUsage(processorSeconds: seconds, peakMemory: peak > 0 ? peak : nil)
    sight.withLock { sight in
      // One that comes too late must not take the place of what the system has told.
      if sight.isOver { return }
      sight.process = process
      let usage = sight.usage.map { CommandMeter.larger($0, now) } ?? now
      sight.usage = usage
      seen(Effort(usage))
    }
  }

  private static func larger(_ a: ProcessUsage, _ b: ProcessUsage) -> ProcessUsage {
    let peaks = [a.peakMemory, b.peakMemory].compactMap { $0 }
    return ProcessUsage(
      processorSeconds: max(a.processorSeconds, b.processorSeconds), peakMemory: peaks.max())
  }

  // MARK: What the system says

  private static let files = LocalFileSystem()

  private static func text(_ path: String) -> String? {
    (try? files.contents(of: path, limit: 1 << 20)).map { String(decoding: $0, as: UTF8.self) }
  }

  /// The child of this process that is in the folder.
  private func find() -> pid_t? {
    for thread in (try? CommandMeter.files.names(in: "/proc/self/task")) ?? [] {
      let children = CommandMeter.text("/proc/self/task/\(thread)/children") ?? ""
      for child in children.split(separator: " ").compactMap({ pid_t($0) }) {
        if (try? CommandMeter.files.realPath("/proc/\(child)/cwd")) == folder { return child }
      }
    }
    return nil
  }

  /// Of a process, and of the children that it has waited for.
  private static func seconds(_ process: pid_t) -> Double {
    // Behind the name, which may hold anything: the state, and the times as the twelfth field and the three behind it.
    guard let line = text("/proc/\(process)/stat"), let end = line.lastIndex(of: ")") else { return 0 }
    let fields = line[line.index(after: end)...].split(separator: " ")
    guard fields.count > 14 else { return 0 }
    return fields[11...14].reduce(0) { $0 + (Double($1) ?? 0) } / Double(sysconf(Int32(_SC_CLK_TCK)))
  }

  /// The most memory that a process has had at once, in bytes.
  private static func peak(_ process: pid_t) -> Int {
    let lines = text("/proc/\(process)/status")?.split(separator: "\n") ?? []
    let line = lines.first { $0.hasPrefix("VmHWM:") }
    return (line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0) << 10
  }
}
