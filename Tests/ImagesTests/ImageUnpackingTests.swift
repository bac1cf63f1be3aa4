import Artefacts
import Foundation
import Support
import System
import Testing

@testable import Archives
@testable import Images

/// Images that skopeo and umoci have saved.
@Suite(.enabled(if: SampleImages.canBeMade)) struct ImageUnpackingTests {
  private let files = LocalFileSystem()

  private func saved(_ path: String) throws -> SavedImage {
    try SavedImage(ImageFolder(.path(path, files: files)))
  }

  private func unpack(_ path: String, to target: String) throws {
    try ImageUnpacking(saved(path), to: target, files: files).run()
  }

  @Test func `An image is the same however it is saved, and has the ID that its tools say`() throws {
    let sample = try SampleImages()
    let id = try sample.id()
    let ways = [
      sample.layout, try sample.save("oci-archive", as: "a.tar"),
      try sample.save("docker-archive", as: "d.tar"),
      try sample.save("oci", as: "zstd", "--dest-compress --dest-compress-format zstd"),
    ]
    for (number, path) in ways.enumerated() {
      let saved = try saved(path)
      #expect(saved.image.id.hex == id)
      #expect(saved.image.environment.map(\.value) == ["hello"])
      try unpack(path, to: sample.folder["root\(number)"])
      try sample.shell("diff -r --no-dereference \(sample.folder["root0"]) \(sample.folder["root\(number)"])")
    }
    let magic: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD]
    #expect(try saved(ways[3]).layers[0].file.contents(limit: 1 << 24).starts(with: magic))
    // With other settings it is another image.
    let other = try SampleImages(greeting: "other")
    #expect(try self.saved(other.layout).image.id.hex != id)
  }

  @Test func `Layers replace and take away what is below them, and umoci makes the same of them`() throws {
    let sample = try SampleImages()
    let root = sample.folder["root"]
    try unpack(sample.layout, to: root)
    #expect(sample.folder.read("root/old/file") == Array("second\n".utf8))
    #expect(sample.folder.read("root/kept/stays") == Array("stays\n".utf8))
    for gone in ["old/other", "old/above", "kept/gone", "kept/.wh.gone", "old/.wh..wh..opq"] {
      #expect(try files.entry(root + "/" + gone) == nil, "\(gone)")
    }
    #expect(try files.target(ofLink: root + "/absolute") == "/etc")
    #expect(try files.status(root + "/bin/only-here")?.inode == files.status(root + "/bin/busybox")?.inode)
    // Python takes what it has compiled for current by the time of the source.
    #expect(try files.status(root + "/kept/stays")?.modified == 1_000_000_000_000_000_000)
    let modes = try sample.shell("stat -c %a \(root)/bin/busybox \(root)/etc/unreadable")
    #expect(modes == "755\n600\n")
    for name in ImageUnpacking.mountPoints { #expect(try files.entry(root + "/" + name)?.isFolder == true) }

    try sample.shell("umoci unpack --rootless --image \(sample.layout):a \(sample.folder["bundle"])")
    let theirs = sample.folder["bundle/rootfs"]
    try sample.shell("chmod 755 \(theirs)/bin/busybox; chmod 600 \(theirs)/etc/unreadable")
    for name in ImageUnpacking.mountPoints where try files.entry(theirs + "/" + name) == nil {
      try files.makeFolder(theirs + "/" + name)
    }
    for name in ImageUnpacking.mountedFiles { try files.write([], to: theirs + "/etc/" + name) }
    try sample.shell("diff -r --no-dereference \(root) \(theirs)")
  }

  @Test(arguments: ["layer", "configuration", "manifest", "missing", "size"])
  func `An image that is damaged is refused`(_ part: String) throws {
    let sample = try SampleImages()
    let saved = try saved(sample.layout)
    let layer = try #require(saved.layers[0].digest)
    func blob(_ digest: Digest) -> String { "\(sample.layout)/blobs/sha256/\(digest.hex)" }
    func change(_ path: String) throws {
      var bytes = try #require(try files.contents(of: path, limit: 1 << 24))
      bytes[bytes.count / 2] ^= 1
      try files.write(bytes, to: path)
    }
    switch part {
    case "layer": try change(blob(layer))
    case "configuration": try change(blob(saved.image.id))
    case "missing": try files.remove(blob(layer))
    case "size": try files.write([0], to: blob(layer), .appending)
    default:
      let index = String(decoding: try #require(sample.folder.read("layout/index.json")), as: UTF8.self)
      let digest = try #require(index.firstMatch(of: #/sha256:([0-9a-f]{64})/#)).1
      try change("\(sample.layout)/blobs/sha256/\(digest)")
    }
    #expect { try unpack(sample.layout, to: sample.folder["root"]) } throws: {
      ($0 as? Failure)?.code == .malformed && "\($0)".contains("damaged")
    }
  }

  @Test func `Several images, what is none, and what is one of another kind are refused in words`() throws {
    let sample = try SampleImages()
    try sample.shell(
      "umoci tag --image \(sample.layout):a same; skopeo copy -q oci:\(sample.layout):a oci:\(sample.folder["two"]):a"
    )
    _ = try saved(sample.layout)
    try sample.shell("umoci config --image \(sample.folder["two"]):a --tag b --config.env X=1")
    #expect { try saved(sample.folder["two"]) } throws: { ($0 as? Failure)?.code == .ambiguous }
    for (bytes, words) in [
      (Array("hello".utf8), "cannot be read"), ([UInt8](repeating: 0, count: 1024), "index.json"),
      ([0x1F, 0x8B, 8, 0], "compressed as a whole"),
    ] {
      let path = sample.folder.write(bytes, to: "wrong.tar")
      #expect { try saved(path) } throws: { "\($0)".contains(words) }
    }
  }
}
