internal import Glibc
import System

/// A file of squashfs, as `unsquashfs` lists and unpacks it.
struct Unsquashing {
  private let programs: UnpackingPrograms
  private let file: String
  private let target: String

  init(_ file: String, to target: String, files: any FileSystem, by programs: UnpackingPrograms) throws {
    // Also where it is named relative to the folder of the workspace, or by links.
    guard let copy = try files.realPath(file), let folder = try files.realPath(target) else {
      throw Failure(.notFound, "\(file) is not there any more")
    }
    (self.programs, self.file, self.target) = (programs, copy, folder)
  }

  /// Counts what there is, whoever has said how much that is.
  ///
  /// - Returns: how many files and folders there are.
  func count(against allowance: ImageAllowance) throws -> Int {
    try run(["-lls"]) { output in
      var list = SquashedList(allowance)
      try output.forEachPiece { try list.add($0) }
      return list.entries
    }
  }

  func unpack() throws {
    // -f: the folder is there.
    try run(["-f", "-d", target], writingTo: target) { try $0.forEachPiece { _ in } }
  }

  /// - Parameter read: reads what it prints, to the end.
  private func run<Result>(
    _ arguments: [String], writingTo target: String? = nil, _ read: (any ByteStream) throws -> Result
  ) throws -> Result {
    var devices = 0
    let (result, ending, said) = try programs.run(
      arguments, on: file, writingTo: target,
      keeping: { line in
        let isAboutDevice = Unsquashing.isAboutDevice(line)
        if isAboutDevice { devices += 1 }
        return !isAboutDevice
      }, read)
    let faults = said.split(separator: "\n").map(String.init)
    if let code = [ENOSPC, EDQUOT].first(where: { code in
      faults.contains { $0.contains(String(cString: strerror(code))) }
    }) {
      throw Failure.system("write", self.target, code)
    }
    // With 2 it tells of what it could not make, and has made the rest.
    if ending == .exited(0) || ending == .exited(2) && devices > 0 && faults.isEmpty { return result }
    throw failure(ending, faults.first)
  }

  private static func isAboutDevice(_ line: String) -> Bool {
    line.hasPrefix("create_inode: could not create") && line.hasSuffix("because you're not superuser!")
  }

  private func failure(_ ending: ProcessEnding, _ said: String?) -> Failure {
    if let said, said.hasPrefix("bwrap: ") {
      return Failure(
        .system, "the container image (.sif) is unpacked in a sandbox, and bubblewrap does not work here",
        facts: [("bubblewrap", said)],
        hint: "install bubblewrap (apt-get install bubblewrap): bwrap --ro-bind / / true has to work")
    }
    if let signal = Unsquashing.signal(of: ending), !Unsquashing.ofCrashes.contains(signal) {
      return Failure(
        .system, "unsquashfs was ended while it unpacked the container image (.sif)",
        facts: [("signal", "\(signal)")],
        hint: "run it again; if nobody has ended it, the machine may have had no memory left")
    }
    return Failure(
      .malformed, "the file system of the container image (.sif) cannot be unpacked",
      facts: [("unsquashfs", said ?? "\(ending)")],
      hint:
        "copy the image anew if it is damaged; with newer squashfs-tools where its compression is not known")
  }

  /// bubblewrap adds the signal of what ran in it to 128.
  private static func signal(of ending: ProcessEnding) -> Int32? {
    switch ending {
    case .killed(let signal): signal
    case .exited(let status) where status > 128: status - 128
    case .exited, .overdue: nil
    }
  }

  private static let ofCrashes = [SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE]
}
