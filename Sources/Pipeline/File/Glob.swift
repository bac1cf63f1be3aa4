/// A pattern over names: `*` stands for any text, `?` for one character, all else for itself.
struct Glob {
  private let pattern: [Character]

  /// Nil for a text that is no pattern.
  init?(_ text: String) {
    guard text.contains(where: { $0 == "*" || $0 == "?" }) else { return nil }
    pattern = Array(text)
  }

  /// Takes time proportional to the product of the lengths at worst: after a mismatch only the last `*` is tried again.
  func matches(_ name: String) -> Bool {
    let name = Array(name)
    var p = 0
    var n = 0
    var retry: (pattern: Int, name: Int)?
    while n < name.count {
      if p < pattern.count, pattern[p] == "*" {
        retry = (p + 1, n)
        p += 1
      } else if p < pattern.count, pattern[p] == "?" || pattern[p] == name[n] {
        p += 1
        n += 1
      } else if let (patternStart, nameStart) = retry {
        p = patternStart
        n = nameStart + 1
        retry = (patternStart, n)
      } else {
        return false
      }
    }
    return pattern[p...].allSatisfy { $0 == "*" }
  }
}
