internal import Glibc

/// What the system says of a file without opening it. Two equal ones of the same path mean that nothing was written
/// in between, but for writes within one tick of the file system's clock.
struct FileStatus: Hashable, Sendable {
  let device: UInt64
  let inode: UInt64
  let size: Int64
  /// Nanoseconds since 1970.
  let modified: Int64
  let changed: Int64
  private let mode: UInt32

  var isFile: Bool { mode & S_IFMT == S_IFREG }
  var isFolder: Bool { mode & S_IFMT == S_IFDIR }
  var isExecutable: Bool { mode & S_IXUSR != 0 }

  /// Nil where nothing can be found, with the reason in `errno`.
  init?(_ path: UnsafePointer<CChar>, followingLinks: Bool = true) {
    var status = stat()
    if fstatat(AT_FDCWD, path, &status, followingLinks ? 0 : AT_SYMLINK_NOFOLLOW) < 0 { return nil }
    self.init(status)
  }

  init(_ status: stat) {
    device = UInt64(status.st_dev)
    inode = UInt64(status.st_ino)
    size = Int64(status.st_size)
    modified = Int64(status.st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_mtim.tv_nsec)
    changed = Int64(status.st_ctim.tv_sec) &* 1_000_000_000 &+ Int64(status.st_ctim.tv_nsec)
    mode = status.st_mode
  }
}

/// A regular file open for reading.
struct InputFile: ~Copyable {
  let path: String
  /// When it was opened.
  let status: FileStatus
  private let descriptor: Int32

  init(_ path: String) throws(ArtefactError) {
    (descriptor, status) = try InputFile.open(path)
    self.path = path
  }

  private static func open(_ path: String) throws(ArtefactError) -> (Int32, FileStatus) {
    // Opening a pipe without O_NONBLOCK waits for a writer.
    let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    if descriptor < 0 { throw .system("open", path) }
    var status = stat()
    let failure: ArtefactError
    if fstat(descriptor, &status) < 0 {
      failure = .system("look at", path)
    } else if status.st_mode & S_IFMT == S_IFDIR {
      failure = ArtefactError(.refused, "\(path) is a folder, not a file")
    } else if status.st_mode & S_IFMT != S_IFREG {
      failure = ArtefactError(.refused, "\(path) is not a regular file")
    } else {
      return (descriptor, FileStatus(status))
    }
    _ = close(descriptor)
    throw failure
  }

  deinit { _ = close(descriptor) }

  var size: Int { Int(status.size) }

  /// Fills the buffer as far as the file reaches.
  func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(ArtefactError) -> Int {
    var done = 0
    while done < buffer.count {
      let count = pread(descriptor, buffer.baseAddress! + done, buffer.count - done, off_t(offset + done))
      if count < 0 {
        if errno == EINTR { continue }
        throw .system("read", path)
      }
      if count == 0 { break }
      done += count
    }
    return done
  }

  var changed: ArtefactError {
    ArtefactError(
      .refused, "\(path) changed while it was read", remedy: "wait until nothing writes to it any more")
  }

  /// Throws if the file is not what it was when it was opened.
  func checkUnchanged() throws(ArtefactError) {
    var now = stat()
    if fstat(descriptor, &now) < 0 { throw .system("look at", path) }
    var byte: UInt8 = 0
    let more = try withUnsafeMutableBytes(of: &byte) { buffer in
      Result { () throws(ArtefactError) in try read(into: buffer, at: size) }
    }.get()
    if FileStatus(now) != status || more > 0 { throw changed }
  }
}

extension InputFile {
  /// All bytes, as many as there were when it was opened.
  func readAll() throws(ArtefactError) -> [UInt8] {
    var failure: ArtefactError?
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      do throws(ArtefactError) {
        count = try read(into: UnsafeMutableRawBufferPointer(buffer), at: 0)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return bytes
  }
}
