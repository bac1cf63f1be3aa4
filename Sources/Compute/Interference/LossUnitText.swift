internal import System

/// What a file with losses of tokens says in its metadata of their unit, `unit`. Without it they are nats.
enum LossUnitText {
  /// What makes the losses nats.
  ///
  /// - Throws: `unusable` for what is neither nats nor bits a token.
  static func factor(_ metadata: [String: String]) throws(Failure) -> Double {
    guard let text = metadata["unit"] else { return 1 }
    let words = text.prefix(100).lowercased().split { !($0.isLetter || $0.isNumber) }.map(String.init)
    let kinds = words.filter { !["a", "per", "token", "tokens"].contains($0) }
    switch kinds {
    case ["nats"], ["nat"]: return 1
    case ["bits"], ["bit"]: return LossUnit.bits.factor
    default:
      throw Failure(
        .unusable, "their unit is '\(text.prefix(100))', and not nats or bits a token",
        hint:
          "write minus the logarithm of each token's own probability, and in the metadata 'unit' what the logarithm gives: nats or bits"
      )
    }
  }

  /// For files whose other numbers go by the same unit, which are not converted.
  ///
  /// - Throws: `unusable` for all but nats.
  static func requireNats(_ metadata: [String: String]) throws(Failure) {
    guard try factor(metadata) != 1 else { return }
    throw Failure(
      .unusable, "their unit is '\(metadata["unit"]?.prefix(100) ?? "")', and this file has to be in nats",
      hint: "multiply its losses and changes by ln 2, and its sums of squares by the square of that")
  }
}
