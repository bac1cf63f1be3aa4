extension Store {
  /// The objects whose digests start with these hexadecimal digits, two at least; sorted.
  public func objects(startingWith digits: String) throws -> [Digest] {
    try digests(in: "objects/" + digits.prefix(2)).filter { $0.hex.hasPrefix(digits) }
  }

  /// The keys of records that start with these hexadecimal digits, two at least; sorted.
  public func recordKeys(startingWith digits: String) throws -> [Digest] {
    try digests(in: "actions/" + digits.prefix(2)).filter { $0.hex.hasPrefix(digits) }
  }
}
