import Artefacts
import Foundation
import JSON
import Support
import System
import Testing

@testable import Archives
@testable import Images

/// Images that somebody has made to do harm, byte by byte.
@Suite struct HostileImageTests {
  private let folder = TemporaryFolder()
  private let files = LocalFileSystem()

  private struct Entry {
    var name: String
    var kind = TarHeader.Kind.file
    var target = ""
    var content: [UInt8] = []
    var mode = 0o644
    /// What its header says, if not the size of the content.
    var size: Int?
    var modified = 0

    /// What a header has no room for.
    static func extended(_ name: String, _ value: String) -> Entry {
      let record = " \(name)=\(value)\n"
      var length = record.utf8.count
      while "\(length)".utf8.count + record.utf8.count != length {
        length = "\(length)".utf8.count + record.utf8.count
      }
      return Entry(name: "names", kind: .extended, content: Array("\(length)\(record)".utf8))
    }
  }

  private func layer(_ entries: [Entry]) -> [UInt8] {
    var bytes: [UInt8] = []
    for entry in entries {
      let size = entry.content.count
      bytes +=
        TarHeader(
          name: entry.name, size: entry.size ?? size, kind: entry.kind, mode: entry.mode,
          target: entry.target, modified: entry.modified
        ).bytes
      bytes += entry.content + [UInt8](repeating: 0, count: (512 - size % 512) % 512)
    }
    return bytes + [UInt8](repeating: 0, count: 1024)
  }

  /// With the right sums in all headers, so that more than the first line of defence is met.
  private func summed(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    for start in stride(from: 0, through: bytes.count - 512, by: 512) {
      let header = bytes[start..<start + 512]
      if header.allSatisfy({ $0 == 0 }) { continue }
      let sum = header.enumerated().reduce(0) { $0 + (148..<156 ~= $1.offset ? 32 : Int($1.element)) }
      let digits = String(sum, radix: 8)
      let text = String(repeating: "0", count: 6 - digits.count) + digits + "\0 "
      bytes.replaceSubrange(start + 148..<start + 156, with: text.utf8)
    }
    return bytes
  }

  /// Saves an image as `docker save` does.
  /// - Parameter digests: of the layers, if not the right ones.
  private func image(_ layers: [[UInt8]], digests: [Digest]? = nil) throws -> SavedImage {
    let digests = digests ?? layers.map { Digest(of: $0) }
    let configuration: JSON = [
      "os": "linux", "architecture": "amd64",
      "rootfs": ["type": "layers", "diff_ids": .array(digests.map { .string($0.description) })],
    ]
    files.removeAll(folder["image"])
    folder.write(configuration.canonicalBytes, to: "image/c.json")
    for (number, layer) in layers.enumerated() { folder.write(layer, to: "image/\(number).tar") }
    let names = layers.indices.map { JSON.string("\($0).tar") }
    let manifest: JSON = [["Config": "c.json", "Layers": .array(names)]]
    folder.write(manifest.canonicalBytes, to: "image/manifest.json")
    return try SavedImage(ImageFolder(.path(folder["image"], files: files)))
  }

  private func unpack(_ layers: [Entry]...) throws {
    files.removeAll(folder["to/root"])
    try files.makeFolders(folder["to"])
    try ImageUnpacking(image(layers.map(layer)), to: folder["to/root"], files: files).run()
  }

  /// What stands around the root: an image has to leave it as it is.
  private func expectUntouched(_ comment: Comment) throws {
    #expect(try files.names(in: folder["to"]) == ["root"], comment)
    #expect(folder.read("outside/file") == Array("mine".utf8), comment)
    #expect(try files.names(in: folder["outside"]) == ["file"], comment)
  }

  private static let hello = Array("hello".utf8)

  @Test(arguments: [
    "../outside/file", "a/../../outside/file", "a/..", "..", "../../to/x", ".wh...", "a/.wh..",
    "../\u{301}x", "a/../\u{301}../..", "\u{600}/../..",
  ])
  func `Names that lead out of the root are refused`(_ name: String) throws {
    folder.write("mine", to: "outside/file")
    #expect { try unpack([Entry(name: name, content: Self.hello)]) } throws: {
      ($0 as? Failure)?.code == .refused
    }
    try expectUntouched("\(name)")
    #expect { try unpack([Entry(name: "x", kind: .hardLink, target: name)]) } throws: {
      ["refused", "malformed"].contains(($0 as? Failure)?.code.rawValue)
    }
    try expectUntouched("\(name)")
  }

  @Test func `Links lead nowhere but where they lead in the image`() throws {
    folder.write("mine", to: "outside/file")
    for target in [folder["outside"], "../../outside", "../../../../../../../../.." + folder["outside"]] {
      let link = Entry(name: "link", kind: .link, target: target)
      try unpack([link], [Entry(name: "link/file", content: Self.hello)])
      try expectUntouched("\(target)")
      try unpack([link], [Entry(name: "link/.wh.file"), Entry(name: "link/.wh..wh..opq")])
      try expectUntouched("\(target)")
      #expect(throws: Failure.self) {
        try unpack([link, Entry(name: "x", kind: .hardLink, target: "link/file")])
      }
      // The link itself is replaced, and not what it leads to.
      try unpack(
        [Entry(name: "link", kind: .link, target: target + "/file")],
        [Entry(name: "link", content: Self.hello)])
      #expect(folder.read("to/root/link") == Self.hello)
      try unpack([link], [Entry(name: "link", kind: .folder), Entry(name: "link/new", content: Self.hello)])
      #expect(folder.read("to/root/link/new") == Self.hello)
      try expectUntouched("\(target)")
    }
    #expect {
      try unpack([
        Entry(name: "a", kind: .link, target: "b"), Entry(name: "b", kind: .link, target: "a"),
        Entry(name: "a/x"),
      ])
    } throws: { ($0 as? Failure)?.code == .refused }
    // What is mounted over does not lead elsewhere.
    try unpack(["dev", "etc", "proc", "tmp"].map { Entry(name: $0, kind: .link, target: folder["outside"]) })
    for name in ["dev", "etc", "proc", "tmp"] {
      #expect(try files.entry(folder["to/root/\(name)"])?.isFolder == true)
    }
    try unpack([Entry(name: "etc/resolv.conf", kind: .link, target: folder["outside/file"])])
    #expect(try files.entry(folder["to/root/etc/resolv.conf"])?.isFile == true)
    try expectUntouched("mount points")
  }

  @Test func `Absolute names are names in the image, devices are passed over, set-user-id bits dropped`()
    throws
  {
    try unpack([
      Entry(name: "/etc/x", content: Self.hello, mode: 0o6755), Entry(name: "null", kind: .characterDevice),
      Entry(name: "disk", kind: .blockDevice), Entry(name: "pipe", kind: .pipe),
      Entry(name: "locked", kind: .folder, mode: 0), Entry(name: "locked/y", content: Self.hello, mode: 0),
    ])
    #expect(folder.read("to/root/etc/x") == Self.hello)
    #expect(folder.read("to/root/locked/y") == Self.hello)
    for name in ["null", "disk", "pipe"] { #expect(try files.entry(folder["to/root/\(name)"]) == nil) }
    let mode = try FileManager.default.attributesOfItem(atPath: folder["to/root/etc/x"])[.posixPermissions]
    #expect(mode as? Int == 0o755)
  }

  @Test func `A whiteout spares what its own layer has made, wherever it stands in it`() throws {
    let below = [Entry(name: "d/a", content: Self.hello), Entry(name: "d/e/f", content: Self.hello)]
    try unpack(
      below,
      [
        Entry(name: "d/e/new", content: Self.hello), Entry(name: "d/b", content: Self.hello),
        Entry(name: "d/.wh..wh..opq"),
      ])
    #expect(try files.names(in: folder["to/root/d"]) == ["b", "e"])
    #expect(try files.names(in: folder["to/root/d/e"]) == ["new"])
    try unpack(below, [Entry(name: ".wh.d"), Entry(name: ".wh.nothing"), Entry(name: ".wh..wh.plnk")])
    #expect(try files.entry(folder["to/root/d"]) == nil)
  }

  @Test(arguments: ["gzip", "zstd"]) func `A layer without end is refused before it fills the disk`(
    _ program: String
  ) throws {
    // A file of zeros, far larger than what it is compressed to.
    let size = 6 << 30
    folder.write(TarHeader(name: "zeros", size: size, kind: .file).bytes, to: "header")
    // Compressing all of it takes long: the beginning again and again is as good.
    try TestShell.run(
      """
      cd \(folder.path); head -c 67108864 /dev/zero | \(program) -\(program == "gzip" ? 9 : 3) > piece
      \(program) < header > layer; for n in $(seq 96); do cat piece; done >> layer
      """)
    let bytes = try #require(folder.read("layer"))
    let saved = try image([bytes], digests: [Digest(of: Self.hello)])
    let limited = ImageUnpacking(saved, to: folder["root"], files: files, harmless: 64 << 20, ratio: 2)
    #expect { try limited.run() } throws: { "\($0)".contains("more than") }
    #expect(try files.entry(folder["root/zeros"]) == nil)
  }

  @Test func `Too many layers, and names in manifests that lead elsewhere, are refused`() throws {
    let empty = layer([])
    #expect { try image(Array(repeating: empty, count: 1001)) } throws: { "\($0)".contains("1001 layers") }
    #expect { try image([empty, empty], digests: [Digest(of: empty)]) } throws: {
      "\($0)".contains("names 2 layers, and its configuration 1")
    }
    _ = try image([empty])
    folder.write(#"[{"Config":"../outside.json","Layers":[]}]"#, to: "image/manifest.json")
    #expect { try SavedImage(ImageFolder(.path(folder["image"], files: files))) } throws: {
      ($0 as? Failure)?.code == .malformed
    }
  }

  @Test func `Folders that are too deep are refused, whether a name or a link leads into them`() throws {
    let path = { (count: Int) in Array(repeating: "d", count: count).joined(separator: "/") }
    try unpack([.extended("path", path(200)), Entry(name: "d")])
    func expectTooDeep(_ entries: [Entry]) {
      #expect { try unpack(entries) } throws: {
        ($0 as? Failure)?.code == .refused && "\($0)".contains("deep")
      }
    }
    expectTooDeep([.extended("path", path(300)), Entry(name: "d")])
    expectTooDeep([.extended("linkpath", path(300)), Entry(name: "x", kind: .link), Entry(name: "x/y")])
  }

  @Test func `A few bytes of links do not lead on for hours`() throws {
    let winding = Entry.extended("linkpath", String(repeating: "d/../", count: 200) + "d")
    let maze = [Entry(name: "d", kind: .folder), winding, Entry(name: "l", kind: .link)]
    let image = try image([layer(maze + Array(repeating: Entry(name: "l/x"), count: 10))])
    func unpack(_ most: Int) throws {
      files.removeAll(folder["root"])
      try ImageUnpacking(image, to: folder["root"], files: files, mostSteps: most).run()
    }
    try unpack(5000)
    #expect { try unpack(3000) } throws: {
      ($0 as? Failure)?.code == .refused && "\($0)".contains("on and on")
    }
  }

  @Test func `What is deep in folders counts for as long as it takes`() throws {
    let deep = Array(repeating: "d", count: 200).joined(separator: "/")
    let winding = String(repeating: "d/../", count: 100) + "d"
    let image = try image([
      layer(
        [
          .extended("path", deep + "/d"), Entry(name: "d", kind: .folder),
          .extended("linkpath", deep + "/" + winding), Entry(name: "l", kind: .link),
        ] + Array(repeating: Entry(name: "l/x"), count: 5))
    ])
    func unpack(_ most: Int) throws {
      files.removeAll(folder["root"])
      try ImageUnpacking(image, to: folder["root"], files: files, mostSteps: most).run()
    }
    try unpack(50_000)
    #expect(throws: Failure.self) { try unpack(20_000) }
  }

  @Test func `What a path in an image leads to is found, or is not there, and never looked for without end`()
    throws
  {
    folder.write("x", to: "root/bin/sh")
    try files.makeLink(folder["root/usr"], to: "/")
    try files.makeLink(folder["root/a"], to: "b")
    try files.makeLink(folder["root/b"], to: "/a")
    let lookup = ImageLookup(root: folder["root"], files: files)
    #expect(try lookup.status("/usr/bin/sh")?.isFile == true)
    for path in ["/a/sh", "/a", "/bin/none", "/" + String(repeating: "x", count: 300), "/bin/sh/x"] {
      #expect(try lookup.status(path) == nil, "\(path)")
    }
    let winding = String(repeating: "../bin/", count: 500)
    for number in 0..<30 {
      try files.makeLink(folder["root/bin/l\(number)"], to: winding + "l\(number + 1)")
    }
    let counting = CrashingFileSystem(failingAt: 300_000, .error(EIO))
    let bounded = ImageLookup(root: folder["root"], files: counting)
    for number in 0..<30 { #expect(try bounded.status("/bin/l0/\(number)") == nil) }
    #expect(!counting.wasReached)
  }

  @Test func `A time that is later than any is no more than late`() throws {
    var bytes = layer([
      Entry(name: "file"), Entry(name: "folder", kind: .folder),
      Entry(name: "link", kind: .link, target: "x"),
    ])
    for start in [0, 512, 1024] {
      bytes.replaceSubrange(
        start + 136..<start + 148, with: [0x80, 0, 0, 0, 0] + Array(repeating: 0xFF, count: 7))
    }
    try ImageUnpacking(image([summed(bytes)]), to: folder["root"], files: files).run()
    for name in ["file", "folder", "link"] {
      let now = Int64(Date().timeIntervalSince1970 * 1e9)
      #expect(try #require(try files.entry(folder["root/" + name])).modified > now, "\(name)")
    }
  }

  @Test func `A layer that is compressed in a way that takes much memory is refused, and says why`() throws {
    // The header of a frame with a window of 2 GiB, and an empty block.
    let bytes: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0, 21 << 3, 1, 0, 0]
    let saved = try image([bytes], digests: [Digest(of: [])])
    #expect { try ImageUnpacking(saved, to: folder["root"], files: files).run() } throws: {
      ($0 as? Failure)?.code == .refused && "\($0)".contains("0.tar") && "\($0)".contains("--long=27")
    }
  }

  @Test func `A layer that is not compressed has one digest, or is not handed out`() throws {
    let bytes = layer([Entry(name: "x")])
    let file = try image([bytes]).layers[0].file
    let digest = Digest(of: bytes)
    var count = 0
    _ = try SavedImage.Layer(file: file, digest: digest).unpacked(digest, limit: .max) { _ in count += 1 }
    #expect {
      let wrong = SavedImage.Layer(file: file, digest: Digest(of: Self.hello))
      _ = try wrong.unpacked(digest, limit: .max) { _ in count += 1 }
    } throws: { ($0 as? Failure)?.code == .malformed && "\($0)".contains("damaged") }
    #expect(count == 1)
  }

  @Test func `A slash is one also beside what Swift makes one character of`() throws {
    folder.write("mine", to: "outside/file")
    for (link, inner) in [("l\u{600}", "l\u{600}/"), ("l", "l/\u{301}"), ("l\u{600}", "l\u{600}/\u{301}")] {
      folder.write("mine", to: "outside/\u{301}file")
      let below = Entry(name: link, kind: .link, target: folder["outside"])
      func expectInside(_ comment: Comment) throws {
        #expect(try files.names(in: folder["to"]) == ["root"], comment)
        #expect(try files.names(in: folder["outside"]) == ["file", "\u{301}file"], comment)
        for name in ["file", "\u{301}file"] {
          #expect(folder.read("outside/\(name)") == Array("mine".utf8), comment)
        }
      }
      for kind in [TarHeader.Kind.file, .folder] {
        try unpack(
          [below], [Entry(name: inner + "file", kind: kind, content: kind == .file ? Self.hello : [])])
        try expectInside("\(kind)")
      }
      try unpack([below], [Entry(name: inner + "/.wh.file"), Entry(name: inner + "/.wh..wh..opq")])
      try expectInside("whiteout")
      #expect(throws: Failure.self) {
        try unpack([below, Entry(name: "x", kind: .hardLink, target: inner + "file")])
      }
      let up = Entry(name: link, kind: .link, target: "../../\u{301}/../outside")
      try unpack([up], [Entry(name: inner + "file", content: Self.hello)])
      try expectInside("up")
    }
  }

  @Test(arguments: ["", ".", "..", "a/b", "a\0b", "/\u{301}x"])
  func `No path on the disk is made of what is no name`(_ name: String) throws {
    let root = ImageRoot(path: folder.path, files: files, mostSteps: 1000)
    #expect { try root.path(["a", name]) } throws: { ($0 as? Failure)?.code == .refused }
    #expect(try root.path(["a", "b"]) == folder["a/b"])
  }

  @Test(arguments: ["path", "linkpath"]) func `Names that hold a zero are refused`(_ record: String) throws {
    #expect {
      try unpack([.extended(record, "x\0/../y"), Entry(name: "x", kind: .link, target: "y")])
    } throws: { ($0 as? Failure)?.code == .malformed && "\($0)".contains("zero") }
  }

  @Test func `Folders on the way to a file count as what the image holds`() throws {
    let deep = Array(repeating: "d", count: 90).joined(separator: "/")
    let bytes = layer([.extended("path", deep), Entry(name: "d")])
    func unpack(_ bytes: Int, _ entries: Int) throws {
      files.removeAll(folder["root"])
      try ImageUnpacking(
        image([self.layer([.extended("path", deep), Entry(name: "d")])]), to: folder["root"], files: files,
        harmless: bytes, ratio: 1, mostEntries: entries
      ).run()
    }
    try unpack(bytes.count + 89 * 4096, 90)
    for (bytes, entries) in [(bytes.count + 88 * 4096, 90), (1 << 20, 89)] {
      #expect { try unpack(bytes, entries) } throws: { ($0 as? Failure)?.code == .refused }
    }
  }

  @Test func `A folder is emptied once for a layer`() throws {
    var paths = LayerPaths()
    #expect(try paths.isFirstEmptying(["a", "b"]))
    #expect(try !paths.isFirstEmptying(["a", "b"]))
    #expect(try paths.isFirstEmptying(["a"]))
  }

  @Test func `Names of other bytes are other files, whatever Unicode says`() throws {
    let (one, two) = ("\u{E9}", "e\u{301}")
    try unpack([
      Entry(name: one, content: Self.hello), Entry(name: two, kind: .hardLink, target: one),
    ])
    #expect(try files.names(in: folder["to/root"]).filter { $0 == one }.count == 2)
    try unpack(
      [Entry(name: "d/" + two, content: Self.hello)],
      [Entry(name: "d/" + one, content: Self.hello), Entry(name: "d/.wh..wh..opq")])
    #expect(try files.names(in: folder["to/root/d"]).map { Array($0.utf8) } == [Array(one.utf8)])
    // The mark joins the point, which is one of the whiteout all the same.
    try unpack([Entry(name: "\u{301}x")], [Entry(name: ".wh.\u{301}x")])
    #expect(try files.names(in: folder["to/root"]).contains("\u{301}x") == false)
  }

  @Test func `Folders and links have the time of the archive`() throws {
    let time = 1_000_000_000
    folder.write("mine", to: "else/b/file")
    let before = try files.status(folder["else/b"])?.modified
    try unpack(
      [
        Entry(name: "d/", kind: .folder, modified: time),
        Entry(name: "d/e", kind: .folder, modified: time + 1),
        Entry(name: "d/e/l", kind: .link, target: "x", modified: time + 2), Entry(name: "d/e/f"),
        Entry(name: "a/b", kind: .folder, modified: time),
      ], [Entry(name: "d/new"), Entry(name: "a", kind: .link, target: folder["else"])])
    for (name, seconds) in [("d", time), ("d/e", time + 1), ("d/e/l", time + 2)] {
      #expect(
        try files.entry(folder["to/root/" + name])?.modified == Int64(seconds) * 1_000_000_000, "\(name)")
    }
    #expect(try files.status(folder["else/b"])?.modified == before)
  }

  @Test func `Devices take the place of files, and folders have no content, whatever their headers say`()
    throws
  {
    try unpack(
      [Entry(name: "null", content: Self.hello), Entry(name: "pipe", content: Self.hello)],
      [
        Entry(name: "null", kind: .characterDevice, size: 512), Entry(name: "pipe", kind: .pipe),
        Entry(name: "d", kind: .folder, size: 512), Entry(name: "old/"),
        Entry(name: "old/x", content: Self.hello),
      ])
    for name in ["null", "pipe"] { #expect(try files.entry(folder["to/root/" + name]) == nil) }
    for name in ["d", "old"] { #expect(try files.entry(folder["to/root/" + name])?.isFolder == true) }
    #expect(folder.read("to/root/old/x") == Self.hello)
  }

  @Test func `What is wrong with a layer names it and says what to do`() throws {
    for entry in [
      Entry.extended("GNU.sparse.major", "1"), .extended("path", "x\0y"),
      Entry(name: "x", content: Array(repeating: 0, count: 512), size: 1 << 20),
    ] {
      #expect { try unpack([entry, Entry(name: "x")]) } throws: {
        "\($0)".contains("container image") && "\($0)".contains("0.tar") && "\($0)".contains("hint:")
      }
    }
    // As tar --sparse writes it.
    var sparse = layer([Entry(name: "x")])
    sparse[156] = UInt8(ascii: "S")
    #expect { try ImageUnpacking(image([summed(sparse)]), to: folder["root"], files: files).run() } throws: {
      ($0 as? Failure)?.hint?.contains("without --sparse") == true
    }
  }

  @Test func `Whatever is changed gives an error and never a crash, and stays inside`() throws {
    folder.write("mine", to: "outside/file")
    let whole = layer([
      Entry(name: "a/b", content: Self.hello), Entry(name: "l", kind: .link, target: "a"),
      Entry(name: "l/c", content: Self.hello), Entry(name: "h", kind: .hardLink, target: "a/b"),
      Entry(name: "a/.wh.b"),
    ])
    var mutator = Mutator(seed: 300)
    for _ in 0..<300 {
      let bytes = summed(mutator.mutated(whole))
      files.removeAll(folder["to"])
      try files.makeFolders(folder["to"])
      do { try ImageUnpacking(image([bytes]), to: folder["to/root"], files: files).run() } catch is Failure {}
      try expectUntouched("changed")
    }
  }
}
