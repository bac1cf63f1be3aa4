/// How the tensors of a file that somebody else's program wrote are called, and how they lie.
public struct WeightNames: Sendable, Hashable {
  /// Stands before each name; tensors without it are passed over.
  public var prefix: String
  /// What names begin with behind the prefix, and what stands there instead; the longest that fits is taken.
  public var replacements: [String: String]
  /// Endings of the names of matrices that lie the other way round than Hugging Face's.
  public var transposed: [String]

  public init(prefix: String = "", replacements: [String: String] = [:], transposed: [String] = []) {
    self.prefix = prefix
    self.replacements = replacements
    self.transposed = transposed
  }

  /// The name that Hugging Face has for a tensor; nil for one that is passed over.
  func name(of tensor: String) -> String? {
    guard tensor.hasPrefix(prefix) else { return nil }
    let name = String(tensor.dropFirst(prefix.count))
    let start = replacements.keys.filter(name.hasPrefix).max { ($0.count, $0) < ($1.count, $1) }
    guard let start, let replacement = replacements[start] else { return name }
    return replacement + name.dropFirst(start.count)
  }

  func isTransposed(_ name: String) -> Bool { transposed.contains(where: name.hasSuffix) }
}
