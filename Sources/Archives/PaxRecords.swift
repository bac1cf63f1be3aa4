import System

/// What stands before an entry because its header has no room for it.
struct PaxRecords {
  private(set) var name: String?
  private(set) var target: String?
  private(set) var size: Int?

  mutating func take(_ bytes: [UInt8], _ kind: TarHeader.Kind) throws {
    if kind == .longName || kind == .longTarget {
      let text = try text(bytes.prefix { $0 != 0 })
      if kind == .longName { name = text } else { target = text }
      return
    }
    // A value may hold any bytes.
    var rest = bytes[...]
    while rest.last == 0 { rest.removeLast() }
    while !rest.isEmpty {
      let malformed = TarHeader.malformed("names are not as they should be")
      guard let space = rest.firstIndex(of: 32),
        let length = Int(String(decoding: rest[..<space], as: UTF8.self)),
        length > space - rest.startIndex + 1, length <= rest.count,
        let sign = rest[space...].firstIndex(of: UInt8(ascii: "="))
      else { throw malformed }
      let end = rest.startIndex + length
      guard sign < end - 1, rest[end - 1] == UInt8(ascii: "\n") else { throw malformed }
      try take(text(rest[(space + 1)..<sign]), rest[(sign + 1)..<(end - 1)], kind)
      rest = rest[end...]
    }
  }

  private mutating func take(_ name: String, _ value: ArraySlice<UInt8>, _ kind: TarHeader.Kind) throws {
    if name.hasPrefix("GNU.sparse.") {
      throw Failure(
        .refused, "the archive holds a file without its zeros", hint: "pack it without --sparse")
    }
    guard ["path", "linkpath", "size"].contains(name) else { return }
    if kind == .global { throw TarHeader.malformed("it gives all files one name or size") }
    let value = try text(value)
    switch name {
    case "path": self.name = value
    case "linkpath": target = value
    default:
      guard let size = Int(value), size >= 0 else { throw TarHeader.malformed("a size is no number") }
      self.size = size
    }
  }

  private func text(_ bytes: ArraySlice<UInt8>) throws -> String {
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw TarHeader.malformed("a name is not UTF-8")
    }
    // The kernel would take it for the end of the name.
    guard !bytes.contains(0) else { throw TarHeader.malformed("a name holds a zero") }
    return text
  }
}
