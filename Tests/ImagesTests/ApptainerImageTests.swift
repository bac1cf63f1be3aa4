import Artefacts
import Support
import System
import Testing

@testable import Images

/// Images of Apptainer that siftool has written.
@Suite(.enabled(if: ApptainerImages.canBeMade)) struct ApptainerImageTests {
  private let files = LocalFileSystem()

  private func saved(_ path: String) throws -> SavedImage {
    try SavedImage(ImageFolder(.path(path, files: files)))
  }

  private func unpack(_ path: String, to target: String, harmless: Int = 4 << 30, mostEntries: Int = 1000)
    throws
  {
    try ImageUnpacking(
      saved(path), to: target, files: files, harmless: harmless, ratio: 1, mostEntries: mostEntries
    ).run()
  }

  @Test func `The file system of an image becomes a folder of files, folders and links alone`() throws {
    let sample = try ApptainerImages()
    // What only root can make, mksquashfs makes for anyone.
    try sample.squash(
      pseudo: "dev/disk b 660 0 0 8 1\n/dev/console c 600 0 0 5 1\nkept/own f 644 1234 99 echo own\n")
    let path = try sample.save("a.sif", [(sample.folder["root.sqfs"], ApptainerImages.primary)])
    let root = sample.folder["unpacked"]
    try unpack(path, to: root)
    #expect(try saved(path).image.platform == Platform.own)
    #expect(sample.folder.read("unpacked/etc/os-release") == Array("NAME=sample\n".utf8))
    #expect(sample.folder.read("unpacked/kept/own") == Array("own\n".utf8))
    #expect(try sample.shell("stat -c %a \(root)/bin/busybox \(root)/etc/unreadable") == "755\n600\n")
    for gone in ["dev/disk", "dev/console", "kept/pipe"] {
      #expect(try files.entry(root + "/" + gone) == nil, "\(gone)")
    }
    #expect(try files.target(ofLink: root + "/absolute") == "/etc")
    #expect(try files.target(ofLink: root + "/kept/above") == "../../../../etc")
    #expect(try files.status(root + "/kept/stays")?.inode == files.status(root + "/kept/again")?.inode)
    #expect(try files.status(root + "/kept/stays")?.modified == 1_000_000_000_000_000_000)
    // A folder does not tell that something was taken out of it.
    #expect(try files.status(root + "/kept")?.modified == 1_000_000_001_000_000_000)
    #expect(try sample.shell("find \(root) ! -uid $(id -u)").isEmpty)
    for name in ImageUnpacking.mountPoints { #expect(try files.entry(root + "/" + name)?.isFolder == true) }
    // The copy that was unpacked is gone.
    #expect(try files.entry(root + ".squashfs") == nil)
  }

  @Test func `Its ID is made of its file system and of nothing beside that`() throws {
    let sample = try ApptainerImages()
    let part = (try sample.squash(), ApptainerImages.primary)
    sample.folder.write("labels\n", to: "labels")
    let labels = (sample.folder["labels"], "--datatype 3")
    let signature = (
      sample.folder["labels"],
      "--datatype 5 --signhash 1 --signentity 433FE984155206BD962725E20E8713472A879943"
    )
    let data = (part.0, ApptainerImages.partition(type: 3, format: 1))
    let id = try saved(sample.save("a.sif", [part])).image.id
    #expect(try saved(sample.save("b.sif", [labels, part, signature, data])).image.id == id)
    // As the documentation says how to compute it.
    let words = try sample.shell(
      "echo apptainer 1 sha256:$(sha256sum < \(part.0) | cut -c1-64) | tr -d '\\n' | sha256sum")
    #expect(words.hasPrefix(id.hex))
    sample.folder.write("NAME=other\n", to: "root/etc/os-release")
    #expect(try saved(sample.save("c.sif")).image.id != id)
  }

  @Test(arguments: ["gzip", "xz", "zstd"]) func `It is unpacked however it is compressed`(_ kind: String)
    throws
  {
    let sample = try ApptainerImages()
    let path = try sample.save(
      "a.sif", [(sample.squash("other.sqfs", "-comp \(kind)"), ApptainerImages.primary)])
    try unpack(path, to: sample.folder["unpacked"])
    #expect(sample.folder.read("unpacked/etc/os-release") == Array("NAME=sample\n".utf8))
  }

  @Test func `One that becomes more files or bytes than are allowed is refused before anything is unpacked`()
    throws
  {
    let sample = try ApptainerImages()
    try sample.shell("truncate -s 5G \(sample.folder["root"])/large")
    let path = try sample.save()
    for (harmless, most) in [(4 << 30, 1000), (8 << 30, 10)] {
      let root = sample.folder["unpacked\(most)"]
      #expect { try unpack(path, to: root, harmless: harmless, mostEntries: most) } throws: {
        ($0 as? Failure)?.code == .refused && "\($0)".contains("more files and folders than")
      }
      #expect(try files.names(in: root).isEmpty)
    }
    try unpack(path, to: sample.folder["unpacked"], harmless: 6 << 30)
  }

  @Test func `One that is another by the time it is unpacked is not unpacked`() throws {
    let sample = try ApptainerImages()
    let path = try sample.save()
    let known = try saved(path).image.id
    sample.folder.write("NAME=other\n", to: "root/etc/os-release")
    try sample.save()
    let again = try SavedImage(ImageFolder(.path(path, files: files)), as: known)
    #expect(throws: ImageChanged.self) {
      try ImageUnpacking(again, to: sample.folder["unpacked"], files: files).run()
    }
    #expect(try files.names(in: sample.folder["unpacked"]).isEmpty)
  }
}
