import System

/// What `unsquashfs -lls` prints, counted: a line for each file and folder, such as
///
///     -rw-r--r-- 0/0              1234 2026-11-23 22:52 squashfs-root/etc/hosts
///
/// A name can hold line breaks, and what looks like lines. That adds to the sum, and takes nothing away.
struct SquashedList {
  private(set) var entries = 0
  private let allowance: ImageAllowance
  private var line: [UInt8] = []

  /// Paths and targets of links have fewer bytes.
  private static let mostOfLine = 1 << 17

  init(_ allowance: ImageAllowance) { self.allowance = allowance }

  mutating func add(_ bytes: UnsafeRawBufferPointer) throws {
    for byte in bytes {
      if byte == UInt8(ascii: "\n") {
        try endLine()
      } else {
        guard line.count < SquashedList.mostOfLine else { throw ImageFault.refused("endless names of files") }
        line.append(byte)
      }
    }
  }

  private mutating func endLine() throws {
    defer { line.removeAll(keepingCapacity: true) }
    guard String(validating: line, as: UTF8.self) != nil else { throw notText() }
    let fields = line.split(separator: UInt8(ascii: " "), maxSplits: 3)
    guard let mode = fields.first, mode.count == 10, fields.count > 2, let kind = mode.first,
      "-dlbcps".utf8.contains(kind), fields[1].contains(UInt8(ascii: "/"))
    else { return }
    entries += 1
    if kind == UInt8(ascii: "d") { return try allowance.takeFolder() }
    try allowance.takeEntry()
    // A size that is no number, as one that is negative, is more than anything may have.
    if kind == UInt8(ascii: "-") { try allowance.take(bytes: SquashedList.number(fields[2]) ?? .max) }
  }

  private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
    let isNumber = digits.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    return isNumber ? Int(String(decoding: digits, as: UTF8.self)) : nil
  }

  private func notText() -> Failure {
    ApptainerFile.refused(
      "a name or the target of a link in it is not UTF-8: \(String(decoding: line, as: UTF8.self).debugDescription)",
      "rename that file, and build the image anew")
  }
}
