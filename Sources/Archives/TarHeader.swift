package import System

/// A header of the ustar format (POSIX.1-1988), in which numbers are octal digits, or bytes where GNU tar has written one that is too
/// large for them.
package struct TarHeader: Equatable {
  /// Bytes of a header, and what contents are filled up to.
  package static let block = 512
  /// Bytes of a name; a longer one stands in a pax header before it.
  static let longestName = 100
  /// Bytes of a file whose size still fits into the digits.
  static let largestSize = 0o777_7777_7777

  package enum Kind: UInt8, Sendable {
    case file = 0x30
    /// Another name of a file that stands before it.
    case hardLink = 0x31
    case link = 0x32
    case characterDevice = 0x33
    case blockDevice = 0x34
    case folder = 0x35
    case pipe = 0x36
    /// Of the next: names and values for which its header has no room.
    case extended = 0x78
    /// Of all that follow: the same.
    case global = 0x67
    /// Of the next, as GNU tar writes it: its name.
    case longName = 0x4C
    /// The same: what it links to.
    case longTarget = 0x4B
  }

  package let name: String
  package let size: Int
  package let kind: Kind
  /// Who may do what with it: the last twelve bits of its mode.
  package let mode: Int
  /// What a link leads to.
  package let target: String
  /// When it was written, in seconds since 1970.
  package let modified: Int

  package var isExecutable: Bool { mode & 0o100 != 0 }

  /// Nobody's, and of no time.
  package var bytes: [UInt8] {
    var bytes = [UInt8](repeating: 0, count: TarHeader.block)
    func put(_ text: String, at place: Int) {
      bytes.replaceSubrange(place..<place + text.utf8.count, with: text.utf8)
    }
    func put(_ number: Int, at place: Int, digits: Int) {
      let text = String(number, radix: 8)
      put(String(repeating: "0", count: max(0, digits - text.count)) + text, at: place)
    }
    put(String(decoding: name.utf8.prefix(TarHeader.longestName), as: UTF8.self), at: 0)
    put(mode, at: 100, digits: 7)
    put(0, at: 108, digits: 7)
    put(0, at: 116, digits: 7)
    put(min(size, TarHeader.largestSize), at: 124, digits: 11)
    put(modified, at: 136, digits: 11)
    bytes[156] = kind.rawValue
    put(String(decoding: target.utf8.prefix(TarHeader.longestName), as: UTF8.self), at: 157)
    put("ustar", at: 257)
    put("00", at: 263)
    put(TarHeader.sum(bytes), at: 148, digits: 6)
    bytes[155] = UInt8(ascii: " ")
    return bytes
  }

  package init(name: String, size: Int, kind: Kind, isExecutable: Bool = false) {
    self.init(
      name: name, size: size, kind: kind, mode: isExecutable || kind == .folder ? 0o755 : 0o644, target: "")
  }

  package init(name: String, size: Int, kind: Kind, mode: Int, target: String, modified: Int = 0) {
    self.name = name
    self.size = size
    self.kind = kind
    self.mode = mode
    self.target = target
    self.modified = modified
  }

  /// - Throws: `.malformed` for what is no header, and `.refused` for a kind of entry that is not known.
  package init(_ bytes: [UInt8]) throws(Failure) {
    guard bytes.count == TarHeader.block, TarHeader.number(bytes[148..<156]) == TarHeader.sum(bytes),
      let size = TarHeader.number(bytes[124..<136]), let mode = TarHeader.number(bytes[100..<108])
    else { throw TarHeader.malformed("a header is damaged") }
    // Archives from before the format have a zero for a file.
    guard let kind = Kind(rawValue: bytes[156] == 0 ? Kind.file.rawValue : bytes[156]) else {
      throw Failure(
        .refused, "the archive holds something that is neither a file nor a folder, nor a link or device",
        hint: "pack it without --sparse, and without what a single program knows")
    }
    let name = try TarHeader.text(bytes[0..<100])
    let isPOSIX = bytes[257..<263].elementsEqual("ustar\0".utf8)
    let prefix = isPOSIX ? try TarHeader.text(bytes[345..<500]) : ""
    self.init(
      name: prefix.isEmpty ? name : prefix + "/" + name, size: size, kind: kind,
      mode: mode & 0o7777, target: try TarHeader.text(bytes[157..<257]),
      modified: TarHeader.number(bytes[136..<148]) ?? 0)
  }

  package static func malformed(_ what: String) -> Failure {
    Failure(.malformed, "the archive cannot be read: \(what)")
  }

  /// The sum of the bytes of a header, in which the place of the sum counts as spaces.
  private static func sum(_ bytes: [UInt8]) -> Int {
    bytes.enumerated().reduce(0) { $0 + (148..<156 ~= $1.offset ? 32 : Int($1.element)) }
  }

  private static func number(_ field: ArraySlice<UInt8>) -> Int? {
    if field.first == 0x80 { return largeNumber(field.dropFirst()) }
    let digits = field.drop { $0 == 32 }.prefix { $0 != 0 && $0 != 32 }
    guard digits.allSatisfy({ 48...55 ~= $0 }) else { return nil }
    return Int(String(decoding: digits, as: UTF8.self), radix: 8)
  }

  /// Of bytes, the highest first.
  private static func largeNumber(_ bytes: ArraySlice<UInt8>) -> Int? {
    let digits = bytes.drop { $0 == 0 }
    guard digits.count < MemoryLayout<Int>.size else { return nil }
    return digits.reduce(0) { $0 << 8 | Int($1) }
  }

  private static func text(_ field: ArraySlice<UInt8>) throws(Failure) -> String {
    guard let text = String(validating: field.prefix { $0 != 0 }, as: UTF8.self) else {
      throw malformed("a name is not UTF-8")
    }
    return text
  }
}
