import Glibc
import JSON

/// Small JSON files in the store's `index/` that say more than records do: when, where, with which parameters. They may
/// be gone at any time, nothing depends on them, and what cannot be read of one is taken as not known.
enum IndexNote {
  static let limit = 64 << 10

  /// Writes a note in place of an older one; a note that cannot be written is not written.
  static func write(_ note: JSON, to path: String) {
    let bytes = note.canonicalBytes
    guard bytes.count <= limit, let slash = path.lastIndex(of: "/") else { return }
    try? makeFolders(String(path[..<slash]))
    let file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0o666)
    guard file >= 0 else { return }
    defer { close(file) }
    try? writeAll(bytes[...], to: file, path)
  }

  static func read(_ path: String) -> JSON? {
    guard (try? fileType(path)) == .file, let bytes = try? readSmall(path, limit: limit) else { return nil }
    return try? JSON(parsing: bytes)
  }
}

/// The version of brake.
public let brakeVersion = "0.1.0"

/// The name of this machine.
func hostName() -> String {
  var name = [CChar](repeating: 0, count: 256)
  guard gethostname(&name, name.count - 1) == 0 else { return "" }
  return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// The time as UTC, `2026-11-21T14:03:05Z`.
func timeStamp(_ time: Int) -> String {
  var seconds = time_t(time)
  var parts = tm()
  guard gmtime_r(&seconds, &parts) != nil else { return "" }
  var text = [CChar](repeating: 0, count: 64)
  let count = strftime(&text, text.count, "%Y-%m-%dT%H:%M:%SZ", &parts)
  return String(decoding: text.prefix(count).map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// Milliseconds since 1970, by the wall clock.
func wallClock() -> Int {
  var now = timespec()
  clock_gettime(CLOCK_REALTIME, &now)
  return now.tv_sec * 1000 + now.tv_nsec / 1_000_000
}
