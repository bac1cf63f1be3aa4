internal import Glibc

/// The clocks of this machine, in nanoseconds.
package enum SystemTime {
  /// Since 1970, as far as that fits; it can be set, forwards and backwards.
  package static func real() -> Int64 { read(CLOCK_REALTIME) }

  /// The same as the stamps that files get at this moment on the disks of this machine: a few milliseconds behind.
  package static func stamp() -> Int64 { read(CLOCK_REALTIME_COARSE) }

  /// Since some moment that stays the same until the machine starts anew; it goes on while the machine sleeps.
  package static func monotonic() -> Int64 { read(CLOCK_BOOTTIME) }

  /// The same as `real`, in milliseconds.
  package static func milliseconds() -> Int { Int(real() / 1_000_000) }

  private static func read(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
  }

  /// Seconds since 1970 as UTC, `2026-11-21T14:03:05Z`.
  package static func utc(_ seconds: Int) -> String {
    var seconds = time_t(seconds)
    var parts = tm()
    guard gmtime_r(&seconds, &parts) != nil else { return "" }
    var text = [CChar](repeating: 0, count: 64)
    let count = strftime(&text, text.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
    return String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
