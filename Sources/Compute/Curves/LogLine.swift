/// The numbers in a line of a training's log, with their names, in order. These and their like are read:
///
///     iteration      100/  500000 | lm loss: 2.5E+00 | grad norm: 1.1 |
///     iter 100: loss 2.5, time 12.3ms, mfu 40.1%
///     [2026-01-01 12:00:00] INFO trainer: step=100 loss=2.5
///     {'step': 100, 'loss': '2.5'}
struct LogLine {
  struct Entry: Equatable {
    let name: String
    let value: Double
  }

  private(set) var entries: [Entry] = []
  private var name = ""

  /// - Parameter line: without its line feed.
  init(_ line: UnsafeBufferPointer<UInt8>) {
    var position = 0
    while position < line.count {
      let byte = line[position]
      if LogLine.isPartOfWord(byte) {
        let start = position
        while position < line.count, LogLine.isPartOfWord(line[position]) { position += 1 }
        add(UnsafeBufferPointer(rebasing: line[start..<position]))
        continue
      }
      position += 1
      switch byte {
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "'"), UInt8(ascii: "\""): break
      // What stands before is a name if a number follows, or else has nothing to do with what follows.
      case UInt8(ascii: ":"), UInt8(ascii: "="):
        if !LogLine.isNumberNext(line, position) { name = "" }
      default: name = ""
      }
    }
  }

  private static func isNumberNext(_ line: UnsafeBufferPointer<UInt8>, _ start: Int) -> Bool {
    guard let first = line[start...].firstIndex(where: { !" \t'\"".utf8.contains($0) }) else { return false }
    let end = line[first...].firstIndex { !isPartOfWord($0) } ?? line.count
    return number(UnsafeBufferPointer(rebasing: line[first..<end])) != nil
  }

  private mutating func add(_ word: UnsafeBufferPointer<UInt8>) {
    if let value = LogLine.number(word) {
      if !name.isEmpty { entries.append(Entry(name: name, value: value)) }
      name = ""
    } else if LogLine.startsLikeNumber(word) {
      // A number with a unit, a date, an address.
      name = ""
    } else {
      // No name is longer.
      if name.utf8.count > 200 { name = "" }
      name += (name.isEmpty ? "" : " ") + String(decoding: word, as: UTF8.self)
    }
  }

  /// The number that a word is: of `100/500000` the first.
  private static func number(_ word: UnsafeBufferPointer<UInt8>) -> Double? {
    guard startsLikeNumber(word), let slash = word.firstIndex(of: UInt8(ascii: "/")) else {
      return NumberText.parse(word)
    }
    return NumberText.parse(UnsafeBufferPointer(rebasing: word[..<slash]))
  }

  private static func startsLikeNumber(_ word: UnsafeBufferPointer<UInt8>) -> Bool {
    let digits = word.drop { $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: ".") }
    return digits.first.map { (0x30...0x39).contains($0) } ?? false
  }

  /// Letters, digits, what stands in names and numbers, and whatever is not ASCII.
  private static func isPartOfWord(_ byte: UInt8) -> Bool {
    switch byte {
    case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x80...: true
    case UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "+"), UInt8(ascii: "/"),
      UInt8(ascii: "%"):
      true
    default: false
    }
  }
}
