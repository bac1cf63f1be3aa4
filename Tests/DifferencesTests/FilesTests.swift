import Artefacts
import Differences
import Foundation
import JSON
import Safetensors
import Support
import Testing

@Suite struct FilesTests {
  @Test func `Texts differ by lines, with one line around them`() throws {
    let before = (1...20).map { "line \($0)\n" }.joined()
    let now = before.replacingOccurrences(of: "line 7\n", with: "line seven\n") + "line 21\n"
    let difference = try #require(try Sides().compare(before, now))
    #expect(
      difference.details(most: 20) == [
        "line 6, now line 6:", "  line 6", "- line 7", "+ line seven", "  line 8", "line 20, now line 20:",
        "  line 20", "+ line 21",
      ])
    #expect(difference.headline == "1 line removed, 2 lines added")
    #expect(difference.details(most: 2) == ["line 6, now line 6:", "  line 6", "- line 7", "and 2 more"])
    #expect(try Sides().compare("a\nb\n", "a\nb")?.headline == "only the line break at the end differs")
  }

  @Test func `Lines end at line breaks, also behind carriage returns, and are compared by their bytes`()
    throws
  {
    let before = (1...6).map { "line \($0)\r\n" }.joined()
    let now = before.replacingOccurrences(of: "line 4", with: "line four")
    let difference = try #require(try Sides().compare(before, now))
    #expect(difference.headline == "1 line removed, 1 line added")
    #expect(difference.details(most: 9).count == 5)
    // The same letter, as one character and as two.
    let written = try #require(try Sides().compare("caf\u{e9}\n", "cafe\u{301}\n"))
    #expect(written.headline == "1 line removed, 1 line added")
    // One hunk of many lines.
    let long = try #require(
      try Sides().compare(
        (0..<500).map { "a\($0)\n" }.joined(), (0..<500).map { "b\($0)\n" }.joined()))
    #expect(long.details(most: 5).count == 7)
    #expect(long.details(most: 5).last == "and 995 more")
  }

  @Test func `Bytes differ from an offset on`() throws {
    let before = [UInt8](repeating: 0, count: 3_000_000)
    var now = before
    now[2_500_000] = 1
    now[2_600_000] = 1
    let difference = try #require(try Sides().compare(before, now + [0]))
    #expect(
      difference.headline
        == "3000000 bytes, now 3000001; 2 bytes differ, the first at offset 2500000")
    #expect(
      try Sides().compare(before, before + [7])?.headline
        == "3000000 bytes, now 3000001; one is the start of the other, the first at offset 3000000")
    #expect(try Sides().compare(before, before) == nil)
    #expect(try Sides().compare([] as [UInt8], []) == nil)
    #expect(try Sides().compare([], [0])?.object["first_offset"] == 0)
  }

  @Test func `Folders differ by names, kinds, modes and contents`() throws {
    let sides = Sides()
    for (side, text) in [("before", "1"), ("now", "2")] {
      sides.folder.write("same", to: "\(side)/same")
      sides.folder.write("{\"a\": \(text)}", to: "\(side)/deep/er/value.json")
      sides.folder.write("x", to: "\(side)/script")
      sides.folder.write("x", to: side == "now" ? "\(side)/kind" : "\(side)/kind/file")
    }
    sides.folder.write("x", to: "before/only-before")
    sides.folder.write("x", to: "now/only-now/file")
    try FileManager.default.setAttributes(
      [.posixPermissions: 0o755], ofItemAtPath: sides.folder["now/script"])
    let difference = try #require(try sides.compare())
    #expect(
      difference.details(most: 20) == [
        "~ deep/er/value.json: 1 of 1 value differ, at most by 100 %, at a",
        "    ~ a: 1, now 2, by 1 (100 %)", "~ kind: a folder became a file", "- only-before", "+ only-now/",
        "~ script: can be executed now",
      ])
    #expect(difference.headline == "1 removed, 1 added, 2 changed, 1 with another mode, 1 the same")
    #expect(difference.object["entries"]?.array?.count == 5)
  }

  @Test func `Names that look alike and have other bytes are other names`() throws {
    let sides = Sides()
    // The same letter, as one character and as two.
    for (side, name) in [("before", "caf\u{e9}"), ("now", "cafe\u{301}")] {
      sides.folder.write("x", to: "\(side)/\(name)")
      sides.folder.write("{\"a\": \"\(name)\", \"\(name)\": 1}", to: "\(side)/value.json")
      sides.folder.write("\(name),b\n1,2\n", to: "\(side)/table.csv")
    }
    let difference = try #require(try sides.compare())
    #expect(difference.headline == "1 removed, 1 added, 2 changed")
    let values = ValuesDifference(
      ["caf\u{e9}": "caf\u{e9}", "b": "\u{e9}"], ["cafe\u{301}": 1, "b": "e\u{301}"])
    #expect(values.count == 3)
  }

  @Test func `Artefacts are compared like the files they were made of`() throws {
    let folder = TemporaryFolder()
    let store = try Store(at: folder["store"])
    let count = 800_000
    var numbers = (0..<count).map { Float($0) }
    func put(_ extra: Float) throws -> Digest {
      numbers[count - 2] += extra
      folder.write(
        try safetensors([("a", .float32, [count], bytes(numbers)), ("b", .bfloat16, [2], [0, 1, 2, 3])]),
        to: "folder/checkpoint.safetensors")
      let publication = store.publication()
      let artefact = try publication.add(path: folder["folder"])
      try publication.commit()
      return artefact.digest
    }
    let (before, now) = (try put(0), try put(2))
    let difference = try #require(
      try compare(StoredContent(before, in: store), StoredContent(now, in: store)))
    #expect(
      difference.details(most: 9).last?.hasPrefix("    a: 1 of 800000 elements differ, max abs 2") == true)
    #expect(try compare(StoredContent(now, in: store), StoredContent(now, in: store)) == nil)
    #expect(try compare(StoredContent(now, in: store), FileContent(folder["folder"])) == nil)
    #expect(try compare(FileContent(folder["folder"]), StoredContent(before, in: store)) != nil)
  }

  @Test func `Any part of an object can be read`() throws {
    let folder = TemporaryFolder()
    let store = try Store(at: folder["store"])
    let bytes = (0..<2_500_000).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 7) }
    folder.write(bytes, to: "file")
    let publication = store.publication()
    let digest = try publication.add(path: folder["file"]).digest
    try publication.commit()
    let object = try store.object(digest)
    #expect(object.size == bytes.count)
    for (start, count) in [
      (0, 1), (1_048_570, 20), (2_499_999, 1), (0, 2_500_000), (2_500_000, 0), (5, 1_048_576),
    ] {
      var part = [UInt8](repeating: 0, count: count)
      try part.withUnsafeMutableBytes { try object.read(into: $0, at: start) }
      #expect(part == Array(bytes[start..<start + count]))
    }
  }

  @Test func `What cannot be compared is an error`() throws {
    let folder = TemporaryFolder()
    #expect(throws: (any Error).self) { try FileContent(folder["nothing"]) }
    #expect(mkfifo(folder["pipe"], 0o600) == 0)
    #expect(throws: (any Error).self) { try FileContent(folder["pipe"]) }
    try FileManager.default.createDirectory(atPath: folder["loop"], withIntermediateDirectories: false)
    try FileManager.default.createSymbolicLink(
      atPath: folder["loop/loop"], withDestinationPath: folder["loop"])
    folder.write("", to: "other/file")
    #expect(throws: (any Error).self) {
      try compare(FileContent(folder["loop"]), FileContent(folder["loop/loop/loop"]))
    }
  }
}
