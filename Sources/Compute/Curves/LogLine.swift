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
    /// Whether digits stand behind it that seem to be of the same number: `340` of `12,340`.
    var goesOn = false
  }

  private(set) var entries: [Entry] = []
  /// What stands behind a name and begins like a number, and is none: `12.3K`.
  private(set) var unread: [(name: String, text: String)] = []
  private var name = ""

  /// - Parameter line: without its line feed.
  init(_ line: UnsafeBufferPointer<UInt8>) {
    var position = 0
    while position < line.count {
      let byte = line[position]
      if LogLine.isPartOfWord(byte) {
        let start = position
        while position < line.count, LogLine.isPartOfWord(line[position]) { position += 1 }
        let word = UnsafeBufferPointer(rebasing: line[start..<position])
        add(word, goesOn: LogLine.goesOn(word, line[position...]))
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
    let word = UnsafeBufferPointer(rebasing: line[first..<end])
    // What begins like one and is none is told of.
    return number(word) != nil || startsLikeNumber(word)
  }

  private mutating func add(_ word: UnsafeBufferPointer<UInt8>, goesOn: Bool) {
    if let value = LogLine.number(word) {
      if !name.isEmpty { entries.append(Entry(name: name, value: value, goesOn: goesOn)) }
      name = ""
    } else if LogLine.startsLikeNumber(word) {
      // A number with a unit, a date, an address.
      if !name.isEmpty { unread.append((name, String(decoding: word.prefix(40), as: UTF8.self))) }
      name = ""
    } else {
      // No name is longer.
      if name.utf8.count > 200 { name = "" }
      name += (name.isEmpty ? "" : " ") + String(decoding: word, as: UTF8.self)
    }
  }

  /// Whether a word is the beginning of a number with a separator of thousands: `12,340`, `12'340`, or `12 340` where no name
  /// follows, so that it is no number of its own.
  private static func goesOn(_ word: UnsafeBufferPointer<UInt8>, _ rest: Slice<UnsafeBufferPointer<UInt8>>)
    -> Bool
  {
    func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
    guard (1...3).contains(word.count), word.allSatisfy(isDigit), let separator = rest.first else {
      return false
    }
    let group = rest.dropFirst().prefix(while: isPartOfWord)
    guard group.count >= 3, group.prefix(3).allSatisfy(isDigit),
      group.dropFirst(3).first.map({ "/.".utf8.contains($0) }) ?? true
    else { return false }
    switch separator {
    case UInt8(ascii: ","), UInt8(ascii: "'"): return true
    case UInt8(ascii: " "):
      let next = rest.dropFirst(1 + group.count).first { $0 != UInt8(ascii: " ") }
      return next.map { "|,;:])".utf8.contains($0) } ?? true
    default: return false
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
