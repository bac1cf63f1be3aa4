internal import System

/// Which version of a format a text opens with: every record and every manifest of a tree starts `{"brake":"KIND N"`, in
/// all versions that there will be.
enum FormatVersion {
  /// Whether this is a later version of a kind than this brake knows. Such bytes are no damage, whatever follows.
  static func isNewer(_ bytes: some Collection<UInt8>, kind: String, known: Int) -> Bool {
    let opening = Array("{\"brake\":\"\(kind) ".utf8)
    guard bytes.starts(with: opening) else { return false }
    let digits = bytes.dropFirst(opening.count).prefix { 48...57 ~= $0 }
    let end = bytes.dropFirst(opening.count + digits.count).first
    guard end == UInt8(ascii: "\""), digits.first != 48, digits.count <= 9 else { return false }
    return digits.reduce(0) { 10 * $0 + Int($1 - 48) } > known
  }
}

extension Failure {
  /// - Parameter what: what cannot be read, with its version, as the start of a sentence.
  static func newer(_ what: String) -> Failure {
    Failure(
      .newer, "\(what) was written by a newer brake; it is left as it is", hint: "use a newer brake")
  }
}
