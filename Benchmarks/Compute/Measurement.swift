import Glibc

/// Times of the calls of a function, each by the wall clock and in processor seconds of all threads.
struct Measurement {
  private var wall: [Double] = []
  private var processor: [Double] = []

  /// Calls a function twice unmeasured, then for some seconds and at least three times.
  init(seconds: Double, _ body: () throws -> Void) rethrows {
    for _ in 0..<2 { try body() }
    let end = Measurement.now(CLOCK_MONOTONIC) + seconds
    while wall.count < 3 || Measurement.now(CLOCK_MONOTONIC) < end {
      let start = (Measurement.now(CLOCK_MONOTONIC), Measurement.now(CLOCK_PROCESS_CPUTIME_ID))
      try body()
      wall.append(Measurement.now(CLOCK_MONOTONIC) - start.0)
      processor.append(Measurement.now(CLOCK_PROCESS_CPUTIME_ID) - start.1)
    }
  }

  var count: Int { wall.count }
  var medianWall: Double { Measurement.median(wall) }
  var leastWall: Double { wall.min() ?? .nan }
  var medianProcessor: Double { Measurement.median(processor) }

  /// The most memory this process has had, in KiB.
  static var peakMemory: Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
    return Double(usage.ru_maxrss)
  }

  private static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
  }

  private static func now(_ clock: clockid_t) -> Double {
    var time = timespec()
    clock_gettime(clock, &time)
    return Double(time.tv_sec) + 1e-9 * Double(time.tv_nsec)
  }
}
