/// What the numbers of a column are, by its name.
enum LossUnit: Hashable {
  /// A loss in nats a token, or a name that says nothing else.
  case nats
  /// A loss in bits a token.
  case bits
  /// Another quantity; what it is, with its article.
  case other(String)

  /// - Parameter words: of the name, in lower case.
  init(_ words: [String]) {
    let isLoss =
      !LossUnit.losses.isDisjoint(with: words) || words.contains("cross") && words.contains("entropy")
    if let abbreviated = words.lazy.compactMap({ LossUnit.abbreviations[$0] }).first {
      self = .other(abbreviated)
      return
    }
    let isInBits = !LossUnit.bases.isDisjoint(with: words)
    let per = words.firstIndex(of: "per").map { words[words.index(after: $0)...] } ?? []
    // `bits_byte` has no other meaning either.
    let counted = (isInBits ? words[...] : per).lazy.compactMap { LossUnit.counted[$0] }.first
    if let counted, isInBits || isLoss {
      self = .other(isInBits ? "bits per \(counted)" : "a loss per \(counted)")
    } else if isInBits, isLoss || words.contains("token") || words.contains("tokens") {
      self = .bits
    } else if isInBits {
      self = .other("bits")
    } else {
      self = .nats
    }
  }

  /// What makes it nats.
  var factor: Double { if case .bits = self { 0x1.62e42fefa39efp-1 } else { 1 } }

  private static let losses: Set<String> = [
    "loss", "losses", "nll", "xent", "ce", "crossentropy", "crossentropyloss",
  ]
  private static let bases: Set<String> = ["bits", "log2"]
  private static let abbreviations = ["bpb": "bits per byte", "bpc": "bits per character"]
  /// What is counted instead of tokens.
  private static let counted = [
    "byte": "byte", "bytes": "byte", "char": "character", "chars": "character", "character": "character",
    "characters": "character", "word": "word", "words": "word",
  ]
}
