internal import Glibc

/// Which machine this is, and which process of it.
package enum Machine {
  /// The machine's name; empty if it cannot be told.
  package static var name: String {
    var name = [CChar](repeating: 0, count: 256)
    guard gethostname(&name, name.count - 1) == 0 else { return "" }
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  /// The number of this process.
  package static var process: Int32 { getpid() }
}
