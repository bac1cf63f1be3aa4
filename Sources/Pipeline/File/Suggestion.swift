/// The name that was probably meant by a misspelt one.
package enum Suggestion {
  /// The candidate that is fewest edits away, if that is few for its length; the first of several.
  static func nearest(to name: String, among candidates: some Sequence<String>) -> String? {
    let name = Array(name.lowercased().utf8)
    guard !name.isEmpty, name.count <= longest else { return nil }
    var best: (candidate: String, distance: Int)?
    for candidate in candidates {
      let other = Array(candidate.lowercased().utf8)
      let allowed = min(max(name.count, other.count) / 3 + 1, (best?.distance ?? .max) - 1)
      guard !other.isEmpty, other.count <= longest, abs(name.count - other.count) <= allowed else { continue }
      let distance = edits(from: name, to: other)
      if distance <= allowed, distance < max(name.count, other.count) { best = (candidate, distance) }
    }
    return best?.candidate
  }

  /// `did you mean 'NAME'?`, or else what there is to choose from.
  package static func hint(for name: String, among candidates: [String]) -> String? {
    if let nearest = nearest(to: name, among: candidates) { return "did you mean '\(nearest)'?" }
    return candidates.isEmpty ? nil : "there is: \(list(candidates))"
  }

  /// The first dozen of many.
  package static func list(_ names: [String]) -> String {
    let shown = names.prefix(12).joined(separator: ", ")
    return names.count > 12 ? "\(shown), … (\(names.count) in all)" : shown
  }

  private static let longest = 80

  /// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
  private static func edits(from a: [UInt8], to b: [UInt8]) -> Int {
    var beforeLast: [Int] = []
    var last = Array(0...b.count)
    for i in 1...a.count {
      var row = [i]
      for j in 1...b.count {
        var distance = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
        if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
          distance = min(distance, beforeLast[j - 2] + 1)
        }
        row.append(distance)
      }
      (beforeLast, last) = (last, row)
    }
    return last[b.count]
  }
}
