import System

/// `unsquashfs`, and bubblewrap, in whose sandbox it runs.
///
/// It is written in C and reads what anyone may have made. So all that it sees are the machine's programs, without anybody's files,
/// sockets or processes, and it can write to one folder.
struct UnpackingPrograms {
  private let unsquashfs: String
  private let bubblewrap: String
  private let threads: Int
  /// The folders that programs are looked for in, as PATH; nil for the user's own.
  private let searchPath: String?
  private let disk = LocalFileSystem()

  /// - Throws: if one of them is not installed.
  init(threads: Int, searchPath: String?) throws {
    guard let program = ProgramPath.find("unsquashfs", in: searchPath), let real = try disk.realPath(program)
    else {
      throw Failure(
        .notFound, "the container image (.sif) is unpacked by unsquashfs, which is not installed",
        hint: "install squashfs-tools (apt-get install squashfs-tools), or save what the image was made of: "
          + "skopeo copy docker://NAME oci-archive:image.tar")
    }
    guard let sandbox = ProgramPath.find("bwrap", in: searchPath) else {
      throw Failure(
        .notFound, "the container image (.sif) is unpacked in a sandbox, and bubblewrap is not installed",
        hint: "install bubblewrap (apt-get install bubblewrap)")
    }
    (unsquashfs, bubblewrap, self.threads, self.searchPath) = (real, sandbox, threads, searchPath)
  }

  /// - Parameters:
  ///   - file: what it reads.
  ///   - target: the folder that it writes to, if any.
  ///   - counts: whether a line of what it says is wrong is kept.
  ///   - read: reads what it prints, to the end.
  func run<Result>(
    _ arguments: [String], on file: String, writingTo target: String? = nil,
    keeping counts: @escaping (String) -> Bool, _ read: (any ByteStream) throws -> Result
  ) throws -> (result: Result, ending: ProcessEnding, complaint: String) {
    // Under another number than root's it does not try to give files away, or to make devices. All of it belongs to who runs brake.
    let alone = ["--unshare-all", "--unshare-user", "--uid", "1000", "--gid", "1000", "--die-with-parent"]
    let places =
      ["--ro-bind", file, file] + (target.map { ["--bind", $0, $0] } ?? []) + ["--remount-ro", "/"]
    let line = [unsquashfs, "-no-progress", "-no-xattrs", "-processors", "\(threads)"] + arguments + [file]
    return try FilterProgram(
      bubblewrap, arguments: alone + ["--new-session"] + machine() + places + ["--"] + line,
      searchPath: searchPath
    ).flow(of: NoBytes(), keeping: counts, read)
  }

  /// Where programs and their libraries are that all users have.
  private static let shared = ["/usr", "/bin", "/lib", "/lib32", "/lib64", "/nix/store", "/gnu/store"]

  /// What the program needs to run.
  private func machine() -> [String] {
    var options: [String] = []
    for place in UnpackingPrograms.shared {
      guard let status = try? disk.entry(place) else { continue }
      if status.isLink, let target = try? disk.target(ofLink: place) {
        options += ["--symlink", target, place]
      } else if status.isFolder {
        options += ["--ro-bind", place, place]
      }
    }
    options += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache", "--dev", "/dev"]
    for path in [unsquashfs] + SharedLibraries.of(unsquashfs).map(\.path)
    where !UnpackingPrograms.shared.contains(where: { path.hasPrefix($0 + "/") }) {
      options += ["--ro-bind", path, path]
    }
    return options
  }
}

private final class NoBytes: ByteStream {
  func read(into buffer: UnsafeMutableRawBufferPointer) -> Int { 0 }
}
