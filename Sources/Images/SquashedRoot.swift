import Archives
import Artefacts
import System

/// The file system of an image that is one file of squashfs, which `unsquashfs` unpacks.
///
/// That program is written in C and reads what anyone may have made. So it runs in a sandbox of its own, in which it can write to the
/// folder and to nothing else, and reaches nobody. What it would write is listed before, and counted.
struct SquashedRoot {
  let file: ImageFolder.File
  /// Of the image.
  let id: Digest
  let root: ImageRoot

  /// Unpacks it into a folder that is there.
  ///
  /// - Throws: `ImageChanged` if it is another one than it was, and what is wrong with it.
  func unpack(_ allowance: ImageAllowance) throws {
    // A copy, which nobody changes between the check and the use.
    let copy = root.path + ".squashfs"
    let found = try root.files.writeFile(copy, mode: 0o600) { append in
      let bytes = HashedBytes(try file.bytes())
      let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 20, alignment: 64)
      defer { buffer.deallocate() }
      while true {
        let count = try bytes.read(into: buffer)
        if count == 0 { break }
        try append(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
      }
      return try bytes.finish()
    }
    defer { root.files.removeAll(copy) }
    guard ApptainerFile.id(found) == id else { throw ImageChanged() }
    let program = try Unsquashing(copy, to: root.path, files: root.files)
    let entries = try program.count(against: allowance)
    try program.unpack()
    try own(atMost: entries)
  }

  /// Makes all of it readable for its owner and nothing more than files, folders and links, as layers become.
  private func own(atMost most: Int) throws {
    var entries = 0
    var open: [[String]] = [[]]
    while let folder = open.popLast() {
      let path = try root.path(folder)
      guard let status = try root.files.entry(path), status.isFolder else { continue }
      try root.files.setMode(path, to: status.permissions | 0o700)
      var hasLost = false
      for name in try root.files.names(in: path) {
        entries += 1
        guard entries <= most else {
          throw ImageFault.refused("more files and folders than unsquashfs lists in it")
        }
        let inner = try root.path(folder + [name])
        guard let status = try root.files.entry(inner) else { continue }
        if status.isFolder {
          open.append(folder + [name])
        } else if status.isFile {
          try root.files.setMode(inner, to: status.permissions | 0o600)
        } else if !status.isLink {
          try root.files.remove(inner)
          hasLost = true
        }
      }
      if hasLost { try root.files.setModified(path, to: status.modified) }
    }
  }
}

/// What stands where an image was is another one by now.
package struct ImageChanged: Error {}

/// `unsquashfs`, which lists and unpacks a file.
private struct Unsquashing {
  private let sandbox: String
  private let program: String
  private let file: String
  private let target: String

  init(_ file: String, to target: String, files: any FileSystem) throws {
    guard let program = ProgramPath.find("unsquashfs") else {
      throw Failure(
        .notFound, "the container image (.sif) is unpacked by unsquashfs, which is not installed",
        hint: "install squashfs-tools (apt-get install squashfs-tools), or save what the image was made of: "
          + "skopeo copy docker://NAME oci-archive:image.tar")
    }
    guard let sandbox = ProgramPath.find("bwrap") else {
      throw Failure(
        .notFound, "the container image (.sif) is unpacked in a sandbox, and bubblewrap is not installed",
        hint: "install bubblewrap (apt-get install bubblewrap)")
    }
    // Also where it is named relative to the folder of the workspace, or by links.
    guard let copy = try files.realPath(file), let folder = try files.realPath(target) else {
      throw Failure(.notFound, "\(file) is not there any more")
    }
    (self.program, self.sandbox, self.file, self.target) = (program, sandbox, copy, folder)
  }

  /// Counts what there is, whoever has said how much that is.
  ///
  /// - Returns: how many files and folders there are.
  func count(against allowance: ImageAllowance) throws -> Int {
    try run(["-lls"], writing: false) { output in
      var list = SquashedList(allowance)
      try output.forEachPiece { try list.add($0) }
      return list.entries
    }
  }

  func unpack() throws {
    // -f: the folder is there.
    try run(["-f", "-d", target], writing: true) { try $0.forEachPiece { _ in } }
  }

  /// - Parameter read: reads what it prints, to the end.
  private func run<Result>(
    _ arguments: [String], writing: Bool, _ read: (any ByteStream) throws -> Result
  ) throws -> Result {
    // Under another number than root's it does not try to give files away, or to make devices. All of it belongs to who runs brake.
    let confined =
      [
        "--ro-bind", "/", "/", "--dev", "/dev", "--unshare-all", "--unshare-user", "--uid", "1000", "--gid",
        "1000",
      ]
      + ["--die-with-parent", "--new-session"] + (writing ? ["--bind", target, target] : []) + [
        "--", program,
      ]
    let line = confined + ["-no-progress", "-no-xattrs"] + arguments + [file]
    let (result, ending, said) = try FilterProgram(sandbox, arguments: line).flow(of: NoBytes(), read)
    let lines = said.split(separator: "\n").map(String.init)
    let faults = lines.filter { !Unsquashing.isAboutDevice($0) }
    // With 2 it tells of what it could not make, and has made the rest.
    if ending == .exited(0) || ending == .exited(2) && !lines.isEmpty && faults.isEmpty { return result }
    throw Failure(
      .malformed, "the file system of the container image (.sif) cannot be unpacked",
      facts: [("unsquashfs", faults.first ?? "\(ending)")],
      hint:
        "copy the image anew if it is damaged; with newer squashfs-tools where its compression is not known")
  }

  private static func isAboutDevice(_ line: String) -> Bool {
    line.hasPrefix("create_inode: could not create") && line.hasSuffix("because you're not superuser!")
  }
}

private final class NoBytes: ByteStream {
  func read(into buffer: UnsafeMutableRawBufferPointer) -> Int { 0 }
}

extension ByteStream {
  fileprivate func forEachPiece(_ body: (UnsafeRawBufferPointer) throws -> Void) throws {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 64)
    defer { buffer.deallocate() }
    while true {
      let count = try read(into: buffer)
      if count == 0 { return }
      try body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    }
  }
}
