internal import System

/// The entries of a stat cache as they stand in its file. Who asks for a few finds them there: to make a table of many takes longer than
/// to look for one.
struct UnreadEntries {
  private let bytes: [UInt8]
  private var searches = 0

  /// - Parameter bytes: what follows the last whole entry is left out.
  init(_ bytes: [UInt8]) { self.bytes = bytes }

  private var count: Int { bytes.count / StatCacheEntry.length }

  var isEmpty: Bool { count == 0 }

  /// Whether a table would have taken less time.
  var isSearchedOften: Bool { searches >= UnreadEntries.mostSearches }

  private static let mostSearches = 128

  /// What the last sound entry of a file says.
  mutating func artefact(of file: FileStatus.Key) -> Artefact? {
    searches += 1
    return bytes.withUnsafeBytes { bytes in
      file.withBytes { key in
        let first = key.loadUnaligned(fromByteOffset: 8, as: UInt64.self)
        for start in stride(from: (count - 1) * StatCacheEntry.length, through: 0, by: -StatCacheEntry.length)
        {
          // Inodes first: they differ.
          guard bytes.loadUnaligned(fromByteOffset: start + 8, as: UInt64.self) == first,
            bytes[start..<start + key.count].elementsEqual(key)
          else { continue }
          if let entry = StatCacheEntry(bytes, at: start) { return entry.artefact }
        }
        return nil
      }
    }
  }

  /// All that are sound, in their order, and whether all whole ones are.
  func all() -> (entries: [StatCacheEntry], isWhole: Bool) {
    let entries = bytes.withUnsafeBytes { bytes in
      (0..<count).compactMap { StatCacheEntry(bytes, at: $0 * StatCacheEntry.length) }
    }
    return (entries, entries.count == count)
  }
}
