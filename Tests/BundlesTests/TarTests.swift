import Foundation
import Support
import System
import Testing

@testable import Archives
@testable import Bundles

/// Bundles as one file. `tar` itself is the judge of what is written.
@Suite struct TarTests {
  private let folder = TemporaryFolder()
  private let files = LocalFileSystem()

  private func pack(_ name: String = "a") throws {
    try TarWriter(files: files).write(folder["from"], as: "top", to: folder["\(name).tar"])
  }

  private func unpack(_ name: String = "a", to target: String = "to") throws {
    try files.makeFolder(folder[target])
    try TarReader(files: files).unpack(folder["\(name).tar"], to: folder[target])
  }

  private func fill() throws {
    folder.write("a", to: "from/a")
    folder.write(String(repeating: "b", count: 1024), to: "from/inner/b")
    folder.write("", to: "from/inner/empty")
    folder.write("c", to: "from/" + String(repeating: "long name/", count: 20) + "ü c")
    try files.setMode(folder["from/a"], to: 0o755)
    try files.makeFolder(folder["from/nothing"])
  }

  private func run(_ program: String, _ arguments: String...) throws -> Int32 {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program)
    process.arguments = arguments
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return process.terminationStatus
  }

  @Test func `What is packed is unpacked as it was, by brake and by tar`() throws {
    try fill()
    try pack()
    try unpack()
    #expect(try run("/usr/bin/diff", "-r", folder["from"], folder["to"]) == 0)
    #expect(try files.status(folder["to/a"])?.isExecutable == true)
    #expect(try files.status(folder["to/inner/b"])?.isExecutable == false)
    try files.makeFolder(folder["by-tar"])
    #expect(try run("/bin/tar", "-xf", folder["a.tar"], "-C", folder["by-tar"]) == 0)
    #expect(try run("/usr/bin/diff", "-r", folder["from"], folder["by-tar/top"]) == 0)
  }

  @Test(arguments: ["gnu", "pax", "ustar"]) func `What tar packs is unpacked`(_ format: String) throws {
    try fill()
    if format == "ustar" { files.removeAll(folder["from/" + "long name"]) }
    #expect(
      try run("/bin/tar", "--format", format, "-cf", folder["a.tar"], "-C", folder.path, "./from") == 0)
    try unpack()
    #expect(try run("/usr/bin/diff", "-r", folder["from"], folder["to"]) == 0)
  }

  @Test func `What an archive says of all its files is passed over`() throws {
    try fill()
    #expect(
      try run(
        "/bin/tar", "--format", "pax", "--pax-option=comment=made by a program", "-cf", folder["a.tar"], "-C",
        folder.path, "./from") == 0)
    #expect(try #require(folder.read("a.tar"))[156] == UInt8(ascii: "g"))
    try unpack()
    #expect(try run("/usr/bin/diff", "-r", folder["from"], folder["to"]) == 0)
  }

  @Test(arguments: ["g path=top/y", "g size=3", "x GNU.sparse.major=1"])
  func `What would give files other names or contents is refused`(_ what: String) throws {
    let record = Array("\(what.utf8.count + 2) \(what.dropFirst(2))\n".utf8)
    #expect(record.count == what.utf8.count + 2)
    var header = TarHeader(name: "x", size: record.count, kind: what.hasPrefix("g") ? .global : .extended)
      .bytes
    header += record + [UInt8](repeating: 0, count: TarHeader.block - record.count)
    header += TarHeader(name: "top/x", size: 0, kind: .file).bytes + [UInt8](repeating: 0, count: 1024)
    folder.write(header, to: "a.tar")
    #expect(throws: Failure.self) { try unpack() }
    #expect(try files.names(in: folder["to"]).isEmpty)
  }

  /// A header with other bytes as the size.
  private func header(size: [UInt8]) -> [UInt8] {
    var bytes = TarHeader(name: "top/x", size: 0, kind: .file).bytes
    bytes.replaceSubrange(124..<136, with: size)
    let sum = String(
      bytes.enumerated().reduce(0) { $0 + (148..<156 ~= $1.offset ? 32 : Int($1.element)) }, radix: 8)
    bytes.replaceSubrange(148..<154, with: Array((String(repeating: "0", count: 6 - sum.count) + sum).utf8))
    return bytes
  }

  @Test func `A size that stands in bytes is read, and one that is none is refused`() throws {
    let content = Array("hello".utf8) + [UInt8](repeating: 0, count: TarHeader.block - 5)
    let end = [UInt8](repeating: 0, count: 1024)
    let zeros = [UInt8](repeating: 0, count: 10)
    let five: [UInt8] = [0x80] + zeros + [5]
    folder.write(header(size: five) + content + end, to: "a.tar")
    try unpack()
    #expect(folder.read("to/x") == Array("hello".utf8))
    // Too large for the archive, for any file, and below zero.
    let wrong: [[UInt8]] = [
      [0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0], [0x80, 1] + zeros, Array(repeating: 0xFF, count: 12),
    ]
    for (number, size) in wrong.enumerated() {
      folder.write(header(size: size) + content + end, to: "a.tar")
      #expect { try unpack(to: "other\(number)") } throws: { ($0 as? Failure)?.code == .malformed }
    }
  }

  @Test func `Equal folders give equal bytes, whenever they were made`() throws {
    try fill()
    try pack()
    files.removeAll(folder["from"])
    try fill()
    try pack("b")
    #expect(folder.read("a.tar") == folder.read("b.tar"))
  }

  @Test(arguments: ["../x", "top/../../x", "top//x", "top/./x", "/top/x", "top/a\u{7}b"])
  func `Names that lead elsewhere are refused`(_ name: String) throws {
    folder.write(
      TarHeader(name: name, size: 0, kind: .file).bytes + [UInt8](repeating: 0, count: 1024), to: "a.tar")
    #expect {
      try unpack()
    } throws: {
      ($0 as? Failure)?.code == .refused && "\($0)".contains("absolute path") == name.hasPrefix("/")
    }
    #expect(try files.names(in: folder["to"]).isEmpty)
  }

  @Test(arguments: ["1", "2", "3", "6"]) func `Links and devices are refused`(_ kind: String) throws {
    var bytes = TarHeader(name: "top/x", size: 0, kind: .file).bytes
    let difference = Int(kind.utf8.first!) - Int(bytes[156])
    bytes[156] = kind.utf8.first!
    let sum = Int(String(decoding: bytes[148..<154], as: UTF8.self), radix: 8)! + difference
    let digits = String(sum, radix: 8)
    bytes.replaceSubrange(
      148..<154, with: Array((String(repeating: "0", count: 6 - digits.count) + digits).utf8))
    folder.write(bytes + [UInt8](repeating: 0, count: 1024), to: "a.tar")
    #expect { try unpack() } throws: { ($0 as? Failure)?.code == .refused }
  }

  @Test(arguments: ["-0000000005", "+0000000005", "77777777777", "00000000009"])
  func `A size that is none is refused`(_ size: String) throws {
    var bytes = TarHeader(name: "top/x", size: 0, kind: .file).bytes
    bytes.replaceSubrange(124..<135, with: Array(size.utf8))
    bytes.replaceSubrange(148..<154, with: Array("      ".utf8))
    let sum = String(
      bytes.enumerated().reduce(0) { $0 + (148..<156 ~= $1.offset ? 32 : Int($1.element)) }, radix: 8)
    bytes.replaceSubrange(148..<154, with: Array((String(repeating: "0", count: 6 - sum.count) + sum).utf8))
    folder.write(bytes + [UInt8](repeating: 0, count: 1024), to: "a.tar")
    #expect { try unpack() } throws: { ($0 as? Failure)?.code == .malformed }
  }

  @Test func `Whatever is cut off or changed gives an error and never a crash`() throws {
    folder.write(String(repeating: "b", count: 700), to: "from/b")
    folder.write("c", to: "from/" + String(repeating: "n", count: 150))
    try pack()
    let whole = try #require(folder.read("a.tar"))
    for (number, count) in stride(from: 0, to: whole.count - 1024, by: 211).enumerated() {
      folder.write(Array(whole.prefix(count)), to: "a.tar")
      #expect(throws: Failure.self) { try unpack(to: "cut\(number)") }
    }
    var random = SystemRandomNumberGenerator()
    for number in 0..<300 {
      var bytes = whole
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        bytes[Int.random(in: bytes.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      folder.write(bytes, to: "a.tar")
      do { try unpack(to: "changed\(number)") } catch is Failure {}
    }
  }
}
