internal import System

/// Reads a pickle (protocols 2 to 5, as Python's pickletools describes them) into a value. It is a small machine with a
/// stack, a memory and no way to call anything: an operation that could do more than describe data is refused.
///
/// The value is good as long as the machine lives. Lists and dictionaries may hold each other, and themselves; at its end the
/// machine empties all of them, one after the other, so that none is left and none takes others with it without end.
final class Pickle {
  private let bytes: ArraySlice<UInt8>
  private var position: Int
  private var stack: [Nested] = []
  private var marks: [Int] = []
  private var memory: [Int: Nested] = [:]
  private var lists: [PickleList] = []
  private var dictionaries: [PickleDictionary] = []

  /// A value, and how many tuples and calls are in each other in it.
  private struct Nested {
    let value: PickleValue
    var depth = 0
  }

  /// Deeper values are refused: they would be walked through, and taken down, by calls within calls.
  private static let deepest = 1000

  /// Values on the stack and in memory at most: a pickle makes at most one a byte.
  private static let most = 1 << 24

  init(_ bytes: ArraySlice<UInt8>) {
    self.bytes = bytes
    position = bytes.startIndex
  }

  deinit {
    for list in lists { list.elements = [] }
    for dictionary in dictionaries { dictionary.entries = [] }
  }

  private func damaged(_ what: String) -> Failure {
    Failure(.malformed, "the pickle in it is damaged: \(what) at byte \(position - bytes.startIndex)")
  }

  private func take(_ count: Int) throws(Failure) -> ArraySlice<UInt8> {
    guard count >= 0, count <= bytes.endIndex - position else { throw damaged("it ends too early") }
    defer { position += count }
    return bytes[position..<position + count]
  }

  private func number(_ count: Int) throws(Failure) -> Int {
    let value = try take(count).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard let number = Int(exactly: value) else { throw damaged("a length is too large") }
    return number
  }

  private func text(_ count: Int) throws(Failure) -> String {
    guard let text = String(validating: try take(count), as: UTF8.self) else {
      throw damaged("a text is none")
    }
    return text
  }

  private func line() throws(Failure) -> String {
    guard let end = bytes[position...].firstIndex(of: UInt8(ascii: "\n")) else {
      throw damaged("a line has no end")
    }
    let line = try text(end - position)
    position += 1
    return line
  }

  private func pop() throws(Failure) -> Nested {
    guard stack.count > (marks.last ?? 0), let value = stack.popLast() else {
      throw damaged("the stack is empty")
    }
    return value
  }

  private func popMarked() throws(Failure) -> [Nested] {
    guard let mark = marks.popLast() else { throw damaged("a mark is missing") }
    defer { stack.removeSubrange(mark...) }
    return Array(stack[mark...])
  }

  private func push(_ value: PickleValue) throws(Failure) { try push(Nested(value: value)) }

  private func push(_ value: Nested) throws(Failure) {
    guard stack.count < Self.most else { throw damaged("the stack is too large") }
    stack.append(value)
  }

  /// What is made of other values.
  private func push(_ value: PickleValue, of parts: [Nested]) throws(Failure) {
    let depth = 1 + (parts.map(\.depth).max() ?? 0)
    guard depth <= Self.deepest else { throw damaged("values are nested too deeply") }
    try push(Nested(value: value, depth: depth))
  }

  private func pushTuple(_ parts: [Nested]) throws(Failure) {
    try push(.tuple(parts.map(\.value)), of: parts)
  }

  private func remember(_ place: Int) throws(Failure) {
    guard let value = stack.last, memory.count < Self.most else { throw damaged("nothing can be remembered") }
    memory[place] = value
  }

  private func recall(_ place: Int) throws(Failure) {
    guard let value = memory[place] else { throw damaged("something is recalled that was not remembered") }
    try push(value)
  }

  /// What the pickle describes.
  func run() throws(Failure) -> PickleValue {
    while true {
      let code = try number(1)
      guard let symbol = UInt8(exactly: code) else { throw damaged("an operation is none") }
      switch symbol {
      case 0x80: _ = try number(1)  // PROTO
      case 0x95: _ = try number(8)  // FRAME
      case UInt8(ascii: "."): return try pop().value
      case UInt8(ascii: "("): marks.append(stack.count)
      case UInt8(ascii: "0"): _ = try pop()
      case UInt8(ascii: "1"): _ = try popMarked()
      case UInt8(ascii: "N"): try push(.none)
      case 0x88: try push(.bool(true))
      case 0x89: try push(.bool(false))
      case UInt8(ascii: "J"): try push(.integer(Int(Int32(truncatingIfNeeded: try number(4)))))
      case UInt8(ascii: "K"): try push(.integer(try number(1)))
      case UInt8(ascii: "M"): try push(.integer(try number(2)))
      case 0x8A: try push(.integer(try long(try number(1))))
      case UInt8(ascii: "G"):
        let bits = try take(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        try push(.number(Double(bitPattern: bits)))
      case 0x8C: try push(.text(try text(try number(1))))
      case UInt8(ascii: "X"): try push(.text(try text(try number(4))))
      case 0x8D: try push(.text(try text(try number(8))))
      case UInt8(ascii: "C"): try push(.bytes(Array(try take(try number(1)))))
      case UInt8(ascii: "B"): try push(.bytes(Array(try take(try number(4)))))
      default: try compose(symbol)
      }
    }
  }

  /// The operations that make something of what is on the stack.
  private func compose(_ symbol: UInt8) throws(Failure) {
    switch symbol {
    case UInt8(ascii: ")"): try push(.tuple([]))
    case UInt8(ascii: "t"): try pushTuple(try popMarked())
    case 0x85: try pushTuple([try pop()])
    case 0x86:
      let b = try pop()
      try pushTuple([try pop(), b])
    case 0x87:
      let (c, b) = (try pop(), try pop())
      try pushTuple([try pop(), b, c])
    case UInt8(ascii: "]"): try push(.list(newList()))
    case UInt8(ascii: "a"):
      let element = try pop()
      try append([element.value])
    case UInt8(ascii: "e"):
      let elements = try popMarked()
      try append(elements.map(\.value))
    case UInt8(ascii: "}"): try push(.dictionary(newDictionary()))
    case UInt8(ascii: "s"):
      let value = try pop()
      let key = try pop()
      try set([key.value, value.value])
    case UInt8(ascii: "u"):
      let entries = try popMarked()
      try set(entries.map(\.value))
    case UInt8(ascii: "q"): try remember(try number(1))
    case UInt8(ascii: "r"): try remember(try number(4))
    case 0x94: try remember(memory.count)
    case UInt8(ascii: "h"): try recall(try number(1))
    case UInt8(ascii: "j"): try recall(try number(4))
    case UInt8(ascii: "c"):
      let module = try line()
      try push(.global("\(module).\(try line())"))
    case 0x93:
      guard case .text(let name) = try pop().value, case .text(let module) = try pop().value else {
        throw damaged("a class has no name")
      }
      try push(.global("\(module).\(name)"))
    case UInt8(ascii: "R"), 0x81:
      let arguments = try pop()
      let function = try pop()
      // An ordered dictionary is a dictionary; all else stays what it was to be.
      if case .global("collections.OrderedDict") = function.value {
        try push(.dictionary(newDictionary()))
      } else {
        try push(.call(function: function.value, arguments: arguments.value), of: [function, arguments])
      }
    case UInt8(ascii: "b"):
      // The state of an object, which no tensor has: its attributes.
      _ = try pop()
    case UInt8(ascii: "Q"):
      let name = try pop()
      try push(.persistent(name.value), of: [name])
    default:
      throw Failure(
        .malformed,
        "the pickle in it has the operation 0x\(String(symbol, radix: 16)), which no state dictionary needs",
        hint: "save the weights alone: torch.save(model.state_dict(), ...)")
    }
  }

  private func newList() -> PickleList {
    let list = PickleList()
    lists.append(list)
    return list
  }

  private func newDictionary() -> PickleDictionary {
    let dictionary = PickleDictionary()
    dictionaries.append(dictionary)
    return dictionary
  }

  private func long(_ count: Int) throws(Failure) -> Int {
    let digits = try take(count)
    guard count <= 8 else { throw damaged("a number is too large") }
    guard let last = digits.last else { return 0 }
    var value = digits.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    if last & 0x80 != 0, count < 8 { value |= ~UInt64(0) << UInt64(8 * count) }
    return Int(Int64(bitPattern: value))
  }

  /// Puts values into the list that now is on top.
  private func append(_ values: [PickleValue]) throws(Failure) {
    guard case .list(let list) = stack.last?.value else { throw damaged("a list is missing") }
    list.elements += values
  }

  /// Puts keys and values into the dictionary that now is on top.
  private func set(_ values: [PickleValue]) throws(Failure) {
    guard values.count.isMultiple(of: 2) else { throw damaged("a dictionary is missing") }
    // Entries of an object that is no dictionary are of no interest.
    if case .call = stack.last?.value { return }
    guard case .dictionary(let dictionary) = stack.last?.value else {
      throw damaged("a dictionary is missing")
    }
    for index in stride(from: 0, to: values.count, by: 2) {
      dictionary.entries.append((values[index], values[index + 1]))
    }
  }
}
