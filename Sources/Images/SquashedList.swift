/// What `unsquashfs -lls` prints, counted: a line for each file and folder, such as
///
///     -rw-r--r-- root/root              1234 2026-11-23 22:52 squashfs-root/etc/hosts
///
/// A name can hold line breaks, and what looks like lines. That adds to the sum, and takes nothing away.
struct SquashedList {
  private(set) var entries = 0
  private let allowance: ImageAllowance
  /// The start of the line that is being read.
  private var line: [UInt8] = []

  /// Owner, group and size have fewer bytes.
  private static let mostOfLine = 256

  init(_ allowance: ImageAllowance) { self.allowance = allowance }

  mutating func add(_ bytes: UnsafeRawBufferPointer) throws {
    for byte in bytes {
      if byte == UInt8(ascii: "\n") {
        try endLine()
      } else if line.count < SquashedList.mostOfLine {
        line.append(byte)
      }
    }
  }

  private mutating func endLine() throws {
    defer { line.removeAll(keepingCapacity: true) }
    let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 3)
    guard let mode = fields.first, mode.count == 10, fields.count > 2, let kind = mode.first,
      "-dlbcps".utf8.contains(kind), fields[1].contains(UInt8(ascii: "/"))
    else { return }
    entries += 1
    if kind == UInt8(ascii: "d") { return try allowance.takeFolder() }
    try allowance.takeEntry()
    guard kind == UInt8(ascii: "-") else { return }
    // Behind long names of owners there is no space. If the name ends with digits, the size seems larger than it is.
    let field = SquashedList.number(fields[2]) != nil ? fields[2] : fields[1].suffix { isDigit($0) }
    try allowance.take(bytes: SquashedList.number(field) ?? .max)
  }

  private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
    digits.allSatisfy(isDigit) ? Int(String(decoding: digits, as: UTF8.self)) : nil
  }
}

private func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

extension ArraySlice<UInt8> {
  /// The longest end whose bytes are all so.
  fileprivate func suffix(_ isSo: (UInt8) -> Bool) -> ArraySlice<UInt8> {
    self[(lastIndex { !isSo($0) }.map { $0 + 1 } ?? startIndex)...]
  }
}
