extension Store {
  /// The objects whose digests start with these hexadecimal digits, two at least; sorted.
  public func objects(startingWith digits: String) throws -> [Digest] {
    try digests(under: "objects", startingWith: digits)
  }

  /// The keys of records that start with these hexadecimal digits, two at least; sorted.
  public func recordKeys(startingWith digits: String) throws -> [Digest] {
    try digests(under: "actions", startingWith: digits)
  }
}
