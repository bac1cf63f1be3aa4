internal import System

/// Reads a pickle (protocols 2 to 5, as Python's pickletools describes them) into a value. It is a small machine with a
/// stack, a memory and no way to call anything: an operation that could do more than describe data is refused.
struct Pickle {
  private let bytes: ArraySlice<UInt8>
  private var position: Int
  private var stack: [PickleValue] = []
  private var marks: [Int] = []
  private var memory: [Int: PickleValue] = [:]

  /// Values on the stack and in memory at most: a pickle makes at most one a byte.
  private static let most = 1 << 24

  static func value(of bytes: ArraySlice<UInt8>) throws(Failure) -> PickleValue {
    var pickle = Pickle(bytes: bytes, position: bytes.startIndex)
    return try pickle.run()
  }

  private init(bytes: ArraySlice<UInt8>, position: Int) {
    self.bytes = bytes
    self.position = position
  }

  private func damaged(_ what: String) -> Failure {
    Failure(.malformed, "the pickle in it is damaged: \(what) at byte \(position - bytes.startIndex)")
  }

  private mutating func take(_ count: Int) throws(Failure) -> ArraySlice<UInt8> {
    guard count >= 0, count <= bytes.endIndex - position else { throw damaged("it ends too early") }
    defer { position += count }
    return bytes[position..<position + count]
  }

  private mutating func number(_ count: Int) throws(Failure) -> Int {
    let value = try take(count).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard let number = Int(exactly: value) else { throw damaged("a length is too large") }
    return number
  }

  private mutating func text(_ count: Int) throws(Failure) -> String {
    guard let text = String(validating: try take(count), as: UTF8.self) else {
      throw damaged("a text is none")
    }
    return text
  }

  private mutating func line() throws(Failure) -> String {
    guard let end = bytes[position...].firstIndex(of: UInt8(ascii: "\n")) else {
      throw damaged("a line has no end")
    }
    let line = try text(end - position)
    position += 1
    return line
  }

  private mutating func pop() throws(Failure) -> PickleValue {
    guard stack.count > (marks.last ?? 0), let value = stack.popLast() else {
      throw damaged("the stack is empty")
    }
    return value
  }

  private mutating func popMarked() throws(Failure) -> [PickleValue] {
    guard let mark = marks.popLast() else { throw damaged("a mark is missing") }
    defer { stack.removeSubrange(mark...) }
    return Array(stack[mark...])
  }

  private mutating func push(_ value: PickleValue) throws(Failure) {
    guard stack.count < Self.most else { throw damaged("the stack is too large") }
    stack.append(value)
  }

  private mutating func remember(_ place: Int) throws(Failure) {
    guard let value = stack.last, memory.count < Self.most else { throw damaged("nothing can be remembered") }
    memory[place] = value
  }

  private mutating func recall(_ place: Int) throws(Failure) {
    guard let value = memory[place] else { throw damaged("something is recalled that was not remembered") }
    try push(value)
  }

  private mutating func run() throws(Failure) -> PickleValue {
    while true {
      let code = try number(1)
      guard let symbol = UInt8(exactly: code) else { throw damaged("an operation is none") }
      switch symbol {
      case 0x80: _ = try number(1)  // PROTO
      case 0x95: _ = try number(8)  // FRAME
      case UInt8(ascii: "."): return try pop()
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
  private mutating func compose(_ symbol: UInt8) throws(Failure) {
    switch symbol {
    case UInt8(ascii: ")"): try push(.tuple([]))
    case UInt8(ascii: "t"): try push(.tuple(try popMarked()))
    case 0x85: try push(.tuple([try pop()]))
    case 0x86:
      let b = try pop()
      try push(.tuple([try pop(), b]))
    case 0x87:
      let (c, b) = (try pop(), try pop())
      try push(.tuple([try pop(), b, c]))
    case UInt8(ascii: "]"): try push(.list(PickleList()))
    case UInt8(ascii: "a"):
      let element = try pop()
      try append([element])
    case UInt8(ascii: "e"):
      let elements = try popMarked()
      try append(elements)
    case UInt8(ascii: "}"): try push(.dictionary(PickleDictionary()))
    case UInt8(ascii: "s"):
      let value = try pop()
      let key = try pop()
      try set([key, value])
    case UInt8(ascii: "u"):
      let entries = try popMarked()
      try set(entries)
    case UInt8(ascii: "q"): try remember(try number(1))
    case UInt8(ascii: "r"): try remember(try number(4))
    case 0x94: try remember(memory.count)
    case UInt8(ascii: "h"): try recall(try number(1))
    case UInt8(ascii: "j"): try recall(try number(4))
    case UInt8(ascii: "c"):
      let module = try line()
      try push(.global("\(module).\(try line())"))
    case 0x93:
      guard case .text(let name) = try pop(), case .text(let module) = try pop() else {
        throw damaged("a class has no name")
      }
      try push(.global("\(module).\(name)"))
    case UInt8(ascii: "R"), 0x81:
      let arguments = try pop()
      try push(Self.called(try pop(), arguments))
    case UInt8(ascii: "b"):
      // The state of an object, which no tensor has: its attributes.
      _ = try pop()
    case UInt8(ascii: "Q"): try push(.persistent(try pop()))
    default:
      throw Failure(
        .malformed,
        "the pickle in it has the operation 0x\(String(symbol, radix: 16)), which no state dictionary needs",
        hint: "save the weights alone: torch.save(model.state_dict(), ...)")
    }
  }

  /// An ordered dictionary is a dictionary; all else stays what it was to be.
  private static func called(_ function: PickleValue, _ arguments: PickleValue) -> PickleValue {
    if case .global("collections.OrderedDict") = function { return .dictionary(PickleDictionary()) }
    return .call(function: function, arguments: arguments)
  }

  private mutating func long(_ count: Int) throws(Failure) -> Int {
    let digits = try take(count)
    guard count <= 8 else { throw damaged("a number is too large") }
    guard let last = digits.last else { return 0 }
    var value = digits.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    if last & 0x80 != 0, count < 8 { value |= ~UInt64(0) << UInt64(8 * count) }
    return Int(Int64(bitPattern: value))
  }

  /// Puts values into the list that now is on top.
  private func append(_ values: [PickleValue]) throws(Failure) {
    guard case .list(let list) = stack.last else { throw damaged("a list is missing") }
    list.elements += values
  }

  /// Puts keys and values into the dictionary that now is on top.
  private func set(_ values: [PickleValue]) throws(Failure) {
    guard values.count.isMultiple(of: 2) else { throw damaged("a dictionary is missing") }
    // Entries of an object that is no dictionary are of no interest.
    if case .call = stack.last { return }
    guard case .dictionary(let dictionary) = stack.last else { throw damaged("a dictionary is missing") }
    for index in stride(from: 0, to: values.count, by: 2) {
      dictionary.entries.append((values[index], values[index + 1]))
    }
  }
}
