internal import System

// Normalisation needs Unicode's tables, which the standard library holds and so far hands out only under this name;
// Foundation takes them from there too.
@_spi(_Unicode) import Swift

/// Unicode normalisation form C.
enum CanonicalComposition {
  /// The text in form C; nil if it is in that form already.
  static func compose(_ text: Span<UInt8>) throws(Failure) -> [UInt8]? {
    // No scalar below U+0300 composes with one before it or is decomposed: their UTF-8 is below 0xCC.
    var place = 0
    while place < text.count, text[place] < 0xCC { place += 1 }
    if place == text.count { return nil }
    do {
      var valid = try UTF8Span(validating: text)
      if valid.checkForNFC(quickCheck: true) { return nil }
      return String(copying: valid)._nfc.flatMap { Array(UTF8.encode($0).unsafelyUnwrapped) }
    } catch {
      throw Failure(.malformed, "the text is not valid UTF-8 (\(error))")
    }
  }
}
