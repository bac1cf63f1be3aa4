internal import Synchronization

/// What the catalogue was seen to name. None of its files ever changes, so a process reads each once.
final class NamedSegments: Sendable {
  private let known = Mutex<(numbers: Set<Int>, names: Set<String>)>(([], []))

  /// All names in some files.
  /// - Parameters:
  ///   - numbers: of the files that there are.
  ///   - entries: reads one of them.
  func names(in numbers: Set<Int>, entries: (Int) throws -> [Catalogue.Entry]) throws -> Set<String> {
    try known.withLock { known in
      // Somebody has removed the catalogue, or put another one in its place.
      if !known.numbers.isSubset(of: numbers) { known = ([], []) }
      for number in numbers.subtracting(known.numbers) {
        known.names.formUnion(try entries(number).map(\.name))
        known.numbers.insert(number)
      }
      return known.names
    }
  }
}
