import Artefacts
import Foundation
import Support
import System
import Testing

@testable import Images

/// What unpacks an image of Apptainer: that it can do no harm, and what is said when it fails.
@Suite(.enabled(if: ApptainerImages.canBeMade)) struct UnpackingProgramsTests {
  private let files = LocalFileSystem()
  private let sample: ApptainerImages
  private let image: String

  init() throws {
    sample = try ApptainerImages()
    image = try sample.save()
  }

  /// Puts a script in the place of a program. To that of `unsquashfs`, `$target` is the folder that it is to write to, or nothing where it
  /// is to list, and `$file` is what it reads.
  private func put(_ program: String, _ script: String) throws {
    let start = """
      #!/bin/sh
      for word; do if [ "$file" = -d ]; then target=$word; fi; file=$word; done
      if [ '\(program)' = unsquashfs ] && [ -z "$target" ]; then
        for name in a b c d; do echo "-rw-r--r-- 0/0 1000 2026-11-23 22:52 squashfs-root/$name"; done
        exit 0
      fi

      """
    sample.folder.write(start + script, to: "bin/\(program)")
    try sample.shell("chmod +x \(sample.folder["bin"])/\(program)")
  }

  private func unpack(to target: String? = nil) throws {
    let path = sample.folder["bin"] + ":" + (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin")
    try ImageUnpacking(
      SavedImage(ImageFolder(.path(image, files: files))), to: target ?? sample.folder["unpacked"],
      files: files, searchPath: path
    ).run()
  }

  private func failure() throws -> Failure {
    try #require(#expect(throws: Failure.self) { try unpack() })
  }

  /// A socket to which programs of the machine can connect.
  private func listen(at path: String) throws -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let listening = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    let code = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listening, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    try #require(code == 0 && Glibc.listen(listening, 4) == 0)
    return listening
  }

  @Test func `It writes nothing elsewhere, reads nobody's files, and reaches no program`() throws {
    let home = sample.folder["home"]
    sample.folder.write("secret\n", to: "home/secret")
    sample.folder.write("before\n", to: "home/file")
    let listening = try listen(at: home + "/socket")
    defer { close(listening) }
    try put(
      "unsquashfs",
      """
      exec 2> /dev/null > "$target/done"
      cat \(home)/secret
      (echo stolen > \(home)/stolen) && echo wrote
      (echo stolen >> "$file") && echo added
      perl -MSocket -e 'socket(S, PF_UNIX, SOCK_STREAM, 0); connect(S, sockaddr_un("\(home)/socket")) or exit 1' \\
        && echo connected
      [ -e /proc/\(getpid()) ] && echo seen
      exit 0
      """)
    // Without a sandbox it can do all of that.
    let free = sample.folder["free"]
    try sample.shell("mkdir \(free); \(sample.folder["bin"])/unsquashfs -d \(free) \(home)/file")
    #expect(sample.folder.read("free/done") == Array("secret\nwrote\nadded\nconnected\nseen\n".utf8))
    try sample.shell("rm \(home)/stolen")
    let before = sample.folder.read("image.sif")
    try unpack()
    #expect(sample.folder.read("unpacked/done") == [])
    #expect(sample.folder.read("home/stolen") == nil && sample.folder.read("image.sif") == before)
  }

  @Test func `It ends when the task is cancelled`() async throws {
    try put("unsquashfs", "touch \"$target/started\"; sleep 60; exit 1")
    let task = Task { try unpack() }
    for _ in 0..<3000 where sample.folder.read("unpacked/started") == nil {
      try await Task.sleep(for: .milliseconds(10))
    }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
    #expect(try files.entry(sample.folder["unpacked.squashfs"]) == nil)
  }

  @Test func `That a disk is full is said as such`() throws {
    try put("unsquashfs", "echo 'Write on output file failed because No space left on device' >&2; exit 2")
    #expect(try failure().isFull)
    try put("unsquashfs", "echo 'Write on output file failed because Disk quota exceeded' >&2; exit 0")
    #expect(try failure().isFull)
  }

  @Test func `A sandbox that does not work, and an end from outside, are not faults of the image`() throws {
    try put("unsquashfs", "kill -9 $$")
    let killed = try failure()
    #expect(killed.code == .system && killed.facts.contains { $0 == ("signal", "9") }, "\(killed)")
    try put("unsquashfs", "kill -11 $$")
    #expect(try failure().code == .malformed)
    try put("bwrap", "echo 'bwrap: Creating new namespace failed' >&2; exit 1")
    let failure = try failure()
    #expect("\(failure)".contains("bubblewrap does not work here"), "\(failure)")
    #expect("\(failure)".contains("Creating new namespace failed"), "\(failure)")
  }

  @Test func `What is not installed is told before anything is written`() throws {
    let unpacking = try ImageUnpacking(
      SavedImage(ImageFolder(.path(image, files: files))), to: sample.folder["unpacked"], files: files,
      searchPath: sample.folder["none"])
    #expect { try unpacking.run() } throws: { "\($0)".contains("unsquashfs, which is not installed") }
    #expect(try files.entry(sample.folder["unpacked"]) == nil)
  }

  @Test func `It may complain of any number of devices`() throws {
    let name = String(repeating: "n", count: 200)
    let devices = (0..<500).map { "dev/\(name)\($0) c 600 0 0 5 1\n" }.joined()
    try sample.save("image.sif", [(sample.squash(pseudo: devices), ApptainerImages.primary)])
    try unpack()
    #expect(sample.folder.read("unpacked/etc/os-release") == Array("NAME=sample\n".utf8))
  }

  @Test(.enabled(if: FileManager.default.isWritableFile(atPath: "/dev/shm")))
  func `An image can be unpacked into the memory of the machine`() throws {
    let target = "/dev/shm/brake-test-\(UUID().uuidString)"
    defer { files.removeAll(target) }
    try unpack(to: target)
    #expect(try files.contents(of: target + "/etc/os-release", limit: 100) == Array("NAME=sample\n".utf8))
  }
}
