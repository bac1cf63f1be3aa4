import Artefacts
import System

/// Makes of a log, piece by piece, what may go to a terminal: text, line breaks, tabs, carriage returns and colours stay
/// what they are; every other control character is written out, so that no log moves the cursor, sets a title or asks
/// the terminal for an answer.
struct LogFilter {
  /// The beginning of a character or a colour whose end has not come yet.
  private var rest: [UInt8] = []
  private var isColoured = false

  /// The longest colour that is passed on.
  private static let longest = 64

  mutating func filter(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    if rest.isEmpty, bytes.allSatisfy(LogFilter.isPlain) { return Array(bytes) }
    let all = rest + bytes
    rest = []
    return filter(all, isEnd: false)
  }

  /// What was kept back, and the end of colours that were left on.
  mutating func end() -> [UInt8] {
    let last = filter(rest, isEnd: true)
    rest = []
    defer { isColoured = false }
    return last + (isColoured ? Array("\u{1B}[0m".utf8) : [])
  }

  private static func isPlain(_ byte: UInt8) -> Bool {
    0x20..<0x7F ~= byte || byte == 0x0A || byte == 0x09 || byte == 0x0D
  }

  private mutating func filter(_ bytes: [UInt8], isEnd: Bool) -> [UInt8] {
    var result: [UInt8] = []
    result.reserveCapacity(bytes.count)
    var index = 0
    while index < bytes.count {
      let length: Int?
      switch bytes[index] {
      case 0x1B: length = LogFilter.colour(bytes[index...])
      case 0x80...: length = LogFilter.character(bytes[index...])
      default: length = 1
      }
      guard let length else {
        if !isEnd {
          rest = Array(bytes[index...])
          return result
        }
        result += bytes[index] == 0x1B ? Array("\\e".utf8) : Array("\u{FFFD}".utf8)
        index += 1
        continue
      }
      let piece = bytes[index..<index + max(length, 1)]
      if length > 1, piece.first == 0x1B {
        result += piece
        isColoured = !["\u{1B}[m", "\u{1B}[0m"].contains(String(decoding: piece, as: UTF8.self))
      } else if piece.count == 1, LogFilter.isPlain(piece[index]) {
        result.append(piece[index])
      } else {
        for scalar in String(decoding: piece, as: UTF8.self).unicodeScalars {
          result += scalar.isVisible ? Array(String(scalar).utf8) : Array(scalar.escape.utf8)
        }
      }
      index += piece.count
    }
    return result
  }

  /// The length of the colour that starts here; 1 if none does, nil if more must come to know.
  private static func colour(_ bytes: ArraySlice<UInt8>) -> Int? {
    for (count, byte) in bytes.dropFirst().enumerated() {
      if count == 0 {
        if byte != UInt8(ascii: "[") { return 1 }
      } else if byte == UInt8(ascii: "m") {
        return count + 2
      } else if !(0x30...0x3B ~= byte) || count > longest {
        return 1
      }
    }
    return nil
  }

  /// The length of the character that starts here; 1 if the byte belongs to none, nil if more must come to know.
  private static func character(_ bytes: ArraySlice<UInt8>) -> Int? {
    let length: Int
    switch bytes[bytes.startIndex] {
    case 0xC2...0xDF: length = 2
    case 0xE0...0xEF: length = 3
    case 0xF0...0xF4: length = 4
    default: return 1
    }
    let continuation = bytes.dropFirst().prefix(length - 1).prefix { 0x80...0xBF ~= $0 }.count
    if continuation == length - 1 { return length }
    return bytes.count > continuation + 1 ? 1 : nil
  }
}
