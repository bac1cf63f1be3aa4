extension JSON {
  /// Canonical bytes: no white space, members sorted by the UTF-8 bytes of their names, numbers in the shortest form
  /// that reads back the same, only the escapes that JSON demands. Equal values have equal bytes on every machine, so
  /// the digest of these bytes is a name for the value. Numbers that are not finite are written as `null`.
  public var canonicalBytes: [UInt8] {
    var writer = JSONWriter(indentation: nil)
    writer.write(self, depth: 0)
    return writer.bytes
  }

  public var canonical: String { String(decoding: canonicalBytes, as: UTF8.self) }

  /// The same, with line breaks and two spaces a level, for people. No final line break.
  public var pretty: String {
    var writer = JSONWriter(indentation: 2)
    writer.write(self, depth: 0)
    return String(decoding: writer.bytes, as: UTF8.self)
  }
}

struct JSONWriter {
  let indentation: Int?
  var bytes: [UInt8] = []

  init(indentation: Int?) { self.indentation = indentation }

  mutating func write(_ value: JSON, depth: Int) {
    switch value {
    case .null: bytes += "null".utf8
    case .bool(let value): bytes += (value ? "true" : "false").utf8
    case .integer(let value): bytes += String(value).utf8
    case .number(let value): write(value)
    case .string(let value): write(value)
    case .array(let elements):
      list("[", "]", elements, depth) { writer, element in
        writer.write(element, depth: depth + 1)
      }
    case .object(let members):
      let sorted = members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      list("{", "}", sorted, depth) { writer, member in
        writer.write(member.key)
        writer.bytes += (writer.indentation == nil ? ":" : ": ").utf8
        writer.write(member.value, depth: depth + 1)
      }
    }
  }

  private mutating func list<Element>(
    _ open: Unicode.Scalar, _ close: Unicode.Scalar, _ elements: [Element], _ depth: Int,
    _ element: (inout JSONWriter, Element) -> Void
  ) {
    bytes.append(UInt8(ascii: open))
    for (index, each) in elements.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      lineBreak(depth + 1)
      element(&self, each)
    }
    if !elements.isEmpty { lineBreak(depth) }
    bytes.append(UInt8(ascii: close))
  }

  private mutating func lineBreak(_ depth: Int) {
    guard let indentation else { return }
    bytes.append(UInt8(ascii: "\n"))
    bytes += repeatElement(UInt8(ascii: " "), count: depth * indentation)
  }

  /// Whole doubles are written as integers, so that 1 and 1.0 have one canonical form.
  private mutating func write(_ value: Double) {
    if !value.isFinite {
      bytes += "null".utf8
    } else if let whole = Int64(exactly: value), abs(value) < 9_007_199_254_740_992 {
      bytes += String(whole).utf8
    } else {
      bytes += String(value).utf8
    }
  }

  private mutating func write(_ string: String) {
    bytes.append(UInt8(ascii: "\""))
    defer { bytes.append(UInt8(ascii: "\"")) }
    if string.utf8.allSatisfy({ $0 >= 0x20 && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }) {
      bytes += string.utf8
      return
    }
    for byte in string.utf8 {
      switch byte {
      case UInt8(ascii: "\""): bytes += "\\\"".utf8
      case UInt8(ascii: "\\"): bytes += "\\\\".utf8
      case UInt8(ascii: "\n"): bytes += "\\n".utf8
      case UInt8(ascii: "\r"): bytes += "\\r".utf8
      case UInt8(ascii: "\t"): bytes += "\\t".utf8
      case 0..<0x20:
        let hex = Array("0123456789abcdef".utf8)
        bytes += "\\u00".utf8
        bytes += [hex[Int(byte >> 4)], hex[Int(byte & 15)]]
      default: bytes.append(byte)
      }
    }
  }
}
