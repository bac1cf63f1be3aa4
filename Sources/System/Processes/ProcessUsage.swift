internal import Glibc

/// What processes took of a machine.
public struct ProcessUsage: Sendable, Hashable {
  /// Seconds of processors, those of several at once added up.
  public let processorSeconds: Double
  /// Bytes: the most that one of the processes had in memory at once. Nil where that is not known.
  public let peakMemory: Int?

  public init(processorSeconds: Double, peakMemory: Int?) {
    self.processorSeconds = processorSeconds
    self.peakMemory = peakMemory
  }

  /// Of a child that has ended, and of all below it that ended and were waited for.
  ///
  /// The kernel counts what this process had when it started the child as the child's own: no more than that is not known.
  init(ofChild usage: rusage) {
    let own = ProcessUsage.own.peakMemory ?? 0
    let peak = ProcessUsage.peak(usage)
    self.init(processorSeconds: ProcessUsage.seconds(usage), peakMemory: peak > own ? peak : nil)
  }

  /// Of this process alone, since it began.
  package static var own: ProcessUsage {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return ProcessUsage(
      processorSeconds: ProcessUsage.seconds(usage), peakMemory: ProcessUsage.peak(usage))
  }

  private static func seconds(_ usage: rusage) -> Double {
    [usage.ru_utime, usage.ru_stime].reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) / 1e6 }
  }

  /// The kernel counts in units of 1024 bytes.
  private static func peak(_ usage: rusage) -> Int { Int(usage.ru_maxrss) << 10 }
}
