import Artefacts
import Support
import System
import Testing

@testable import Images

/// Files of Apptainer that are not what they say, or that brake does not read.
@Suite(.enabled(if: ApptainerImages.canBeMade)) struct HostileApptainerTests {
  private let files = LocalFileSystem()
  private let sample: ApptainerImages
  private let sound: [UInt8]

  /// Where the table of what is in the file stands, and where in each of its entries what is.
  private static let table = 4096
  private static let (offset, size, format) = (17, 25, 201)

  init() throws {
    sample = try ApptainerImages()
    try sample.save()
    sound = try #require(sample.folder.read("image.sif"))
  }

  private func refusal(_ bytes: [UInt8]) throws -> Failure {
    sample.folder.write(bytes, to: "hostile.sif")
    return try refusal(of: sample.folder["hostile.sif"])
  }

  private func refusal(of path: String) throws -> Failure {
    let error = #expect(throws: Failure.self) {
      let saved = try SavedImage(ImageFolder(.path(path, files: files)))
      try ImageUnpacking(saved, to: sample.folder["unpacked"], files: files).run()
    }
    let failure = try #require(error)
    #expect(failure.hint != nil, "\(failure)")
    return failure
  }

  /// The sound file with a number in it replaced.
  private func with(_ number: Int64, at place: Int, count: Int = 8) -> [UInt8] {
    var bytes = sound
    for index in 0..<count { bytes[place + index] = UInt8(truncatingIfNeeded: number >> (8 * Int64(index))) }
    return bytes
  }

  @Test func `A file that is cut off anywhere is refused`() throws {
    for length in [64, 127, 128, 4096, 5000, 30_000, 32_768, 32_800, sound.count - 1] {
      #expect(try refusal(Array(sound[..<length])).code == .malformed, "\(length)")
    }
  }

  @Test func `Numbers that lead out of the file, or that nobody can mean, are refused`() throws {
    let table = HostileApptainerTests.table
    for number in [Int64.min, -1, 0, Int64(sound.count), .max / 585, .max - 1000, .max] {
      if number != 0 { #expect(try refusal(with(number, at: 88)).code == .malformed, "\(number) parts") }
      if number != 0 { #expect(try refusal(with(number, at: 96)).code == .malformed, "a table at \(number)") }
      for place in [HostileApptainerTests.offset, HostileApptainerTests.size] {
        #expect(try refusal(with(number, at: table + place)).code == .malformed, "\(place) is \(number)")
      }
    }
    // No parts are no file system.
    #expect(try "\(refusal(with(0, at: 88)))".contains("no part of it is the file system"))
  }

  @Test func `What is not squashfs, or not for this machine to read, is refused in words`() throws {
    let format = HostileApptainerTests.table + HostileApptainerTests.format
    #expect(try "\(refusal(with(2, at: format, count: 4)))".contains("ext3"))
    #expect(try "\(refusal(with(5, at: format, count: 4)))".contains("encrypted"))
    #expect(try "\(refusal(with(77, at: format, count: 4)))".contains("a kind that is not read (77)"))
    #expect(try "\(refusal(with(0x3230, at: 42, count: 2)))".contains("version"))
    let start = try #require(sound.firstRange(of: Array("hsqs".utf8))).lowerBound
    #expect(try "\(refusal(with(0, at: start, count: 4)))".contains("something else"))
    #expect(try "\(refusal(with(.max, at: start + 40)))".contains("cut off"))
  }

  @Test func `Several file systems, none, and an overlay are refused in words`() throws {
    let part = sample.folder["root.sqfs"]
    for (parts, words) in [
      ([ApptainerImages.primary], nil),
      ([ApptainerImages.primary, ApptainerImages.partition(type: 4, format: 2)], "overlay"),
      ([ApptainerImages.partition(type: 3, format: 1)], "no part of it"), ([], "no part of it"),
    ] {
      let path = try sample.save("parts.sif", parts.map { (part, $0) })
      if let words { #expect(try "\(refusal(of: path))".contains(words)) }
    }
    // siftool refuses to make a second one.
    let path = try sample.save(
      "two.sif", [(part, ApptainerImages.primary), (part, ApptainerImages.partition(type: 3, format: 1))])
    var bytes = try #require(sample.folder.read("two.sif"))
    #expect(try SavedImage(ImageFolder(.path(path, files: files))).image.platform == Platform.own)
    bytes[HostileApptainerTests.table + 585 + HostileApptainerTests.format + 4] = 2
    #expect(try "\(refusal(bytes))".contains("2 primary file systems"))
  }

  @Test func `A file system that is damaged is an error`() throws {
    let start = try #require(sound.firstRange(of: Array("hsqs".utf8))).lowerBound
    // The superblock says where the table of inodes stands.
    let failure = try refusal(with(1 << 40, at: start + 64))
    #expect("\(failure)".contains("cannot be unpacked"), "\(failure)")
  }

  @Test func `A file that says it has less than no bytes is refused before anything is unpacked`() throws {
    let root = sample.folder["root"]
    // Of a file with two names the size has 64 bits.
    try sample.shell(
      """
      head -c 54321 /dev/zero > \(root)/one; ln \(root)/one \(root)/two
      mksquashfs \(root) \(sample.folder["owned.sqfs"]) -force-uid 54321 -force-gid 54322 -noI -quiet -no-progress
      """)
    var bytes = try #require(sample.folder.read("owned.sqfs"))
    let size = try #require(bytes.firstRange(of: [0x31, 0xD4, 0, 0, 0, 0, 0, 0]))
    bytes.replaceSubrange(size, with: [0, 0, 0x80, 2, 0, 0, 0, 0x80])
    sample.folder.write(bytes, to: "owned.sqfs")
    let path = try sample.save("negative.sif", [(sample.folder["owned.sqfs"], ApptainerImages.primary)])
    let failure = try refusal(of: path)
    #expect("\(failure)".contains("more files and folders than its size"), "\(failure)")
    #expect(try files.names(in: sample.folder["unpacked"]).isEmpty)
  }

  @Test func `A name that is not UTF-8 is refused before anything is unpacked`() throws {
    try sample.shell("touch \(sample.folder["root"])/kept/$(printf 'name-\\377')")
    let failure = try refusal(of: sample.save("names.sif"))
    #expect(failure.code == .refused && "\(failure)".contains("squashfs-root/kept/name-"), "\(failure)")
    #expect(try files.names(in: sample.folder["unpacked"]).isEmpty)
  }

  @Test func `A link that leads out, and a file behind it, write nothing outside of the folder`() throws {
    let outside = sample.folder["outside"]
    try sample.shell(
      """
      mkdir \(outside) \(sample.folder["root"])/leads-b
      ln -s \(outside) \(sample.folder["root"])/leads-a; echo stolen > \(sample.folder["root"])/leads-b/file
      """)
    let squashed = try sample.squash("plain.sqfs", "-noI -noD -noF -noX")
    // Two entries of one name, of which one is a link and the other is a folder: no program makes that.
    var bytes = try #require(sample.folder.read("plain.sqfs"))
    let name = try #require(bytes.firstRange(of: Array("leads-b".utf8)))
    bytes[name.upperBound - 1] = UInt8(ascii: "a")
    sample.folder.write(bytes, to: "plain.sqfs")
    let path = try sample.save("links.sif", [(squashed, ApptainerImages.primary)])
    do {
      let saved = try SavedImage(ImageFolder(.path(path, files: files)))
      try ImageUnpacking(saved, to: sample.folder["unpacked"], files: files).run()
    } catch let error as Failure { #expect(error.code == .malformed, "\(error)") }
    #expect(try files.names(in: outside).isEmpty)
  }

  @Test func `Lines of names that unsquashfs lists take nothing away from what is counted`() throws {
    let lines = [
      "Parallel unsquashfs: Using 2 processors", "", "drwxr-xr-x root/root 33 2026-11-23 22:52 squashfs-root",
      "-rw-r--r-- root/root              1000 2026-11-23 22:52 squashfs-root/a", "and a line of its name",
      "crw-r--r-- root/root             1,  3 2026-11-23 22:52 squashfs-root/null",
      "-rw-r--r-- 4294967295/4294967295 2000 2026-11-23 22:52 squashfs-root/b",
    ]
    let allowance = ImageAllowance(entries: 100, bytes: 1 << 20)
    var list = SquashedList(allowance)
    for line in lines { try Array((line + "\n").utf8).withUnsafeBytes { try list.add($0) } }
    #expect(list.entries == 4)
    #expect(allowance.bytes == 1 << 20 - 4096 - 1000 - 2000)
    for start in ["root/root 99999999999999999999999", "root/root -5000", "54321/54322 -5000", "54321/54322"]
    {
      let line = "-rw-r--r-- \(start) 2026-11-23 22:52 squashfs-root/c\n"
      #expect(throws: Failure.self, "\(start)") { try Array(line.utf8).withUnsafeBytes { try list.add($0) } }
    }
  }
}
