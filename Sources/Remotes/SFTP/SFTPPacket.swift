/// What is asked of a server of SFTP: a kind and its arguments, as version 3 of the protocol writes them
/// (draft-ietf-secsh-filexfer-02). Numbers are big-endian; a text is its length and its bytes.
struct SFTPPacket {
  enum Kind: UInt8 {
    case open = 3
    case close = 4
    case read = 5
    case write = 6
    case statusOfOpen = 8
    case remove = 13
    case makeFolder = 14
    case removeFolder = 15
    case status = 17
    case rename = 18
    case extended = 200
  }

  private(set) var bytes: [UInt8] = []
  let kind: Kind

  init(_ kind: Kind) { self.kind = kind }

  init(_ kind: Kind, path: String) {
    self.init(kind)
    add(Array(path.utf8))
  }

  init(_ kind: Kind, handle: [UInt8]) {
    self.init(kind)
    add(handle)
  }

  /// One that only some servers know.
  init(extension name: String) {
    self.init(.extended)
    add(Array(name.utf8))
  }

  mutating func add<Number: FixedWidthInteger>(_ number: Number) {
    withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
  }

  mutating func add(_ text: [UInt8]) {
    add(UInt32(text.count))
    bytes += text
  }
}

/// What a server of SFTP answers.
struct SFTPAnswer {
  enum Kind: UInt8 {
    case version = 2
    case status = 101
    case handle = 102
    case data = 103
    case attributes = 105
  }

  let kind: Kind
  private var rest: ArraySlice<UInt8>

  /// Nil for what no server answers to anything that is asked here.
  init?(kind: UInt8, bytes: ArraySlice<UInt8>) {
    guard let kind = Kind(rawValue: kind) else { return nil }
    self.kind = kind
    rest = bytes
  }

  var isAtEnd: Bool { rest.isEmpty }

  /// Nil if there are not as many bytes.
  mutating func number<Number: FixedWidthInteger>(_ type: Number.Type) -> Number? {
    let size = MemoryLayout<Number>.size
    guard rest.count >= size else { return nil }
    defer { rest = rest.dropFirst(size) }
    return rest.prefix(size).reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
  }

  /// Nil if there are not as many bytes as the text says that it has.
  mutating func text() -> ArraySlice<UInt8>? {
    guard let size = number(UInt32.self), size <= rest.count else { return nil }
    defer { rest = rest.dropFirst(Int(size)) }
    return rest.prefix(Int(size))
  }
}

/// How an answer says that something went well or not.
struct SFTPStatus: Equatable {
  let code: UInt32
  let words: String

  static let fine: UInt32 = 0
  static let end: UInt32 = 1
  static let noSuchFile: UInt32 = 2
}
