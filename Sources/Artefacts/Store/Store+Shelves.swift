package import System

/// The folders in which objects stand by the first byte of their digests. As long as one is what it was, all that it held is
/// there.
extension Store {
  /// What the folder of the objects with a first byte is now; nil if there is none.
  package func statusOfShelf(_ first: UInt8) throws(Failure) -> FileStatus? {
    try files.status(shelf(first), followingLinks: false)
  }

  package func shelf(_ first: UInt8) -> String {
    let digits = String(first, radix: 16)
    return "\(root)/objects/\(digits.count == 1 ? "0" : "")\(digits)"
  }
}
