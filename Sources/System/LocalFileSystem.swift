internal import Glibc

/// The disk.
public struct LocalFileSystem: FileSystem {
  public init() {}

  public func status(_ path: String, followingLinks: Bool) throws(Failure) -> FileStatus? {
    try patiently { () throws(Failure) in
      var status = stat()
      if fstatat(AT_FDCWD, path, &status, followingLinks ? 0 : AT_SYMLINK_NOFOLLOW) == 0 {
        return FileStatus(status)
      }
      if errno == ENOENT || errno == ENOTDIR { return nil }
      throw .unreadable("look at", path)
    }
  }

  public func names(in folder: String) throws(Failure) -> [String] {
    try patiently { () throws(Failure) in try listing(folder) }
  }

  private func listing(_ folder: String) throws(Failure) -> [String] {
    guard let stream = opendir(folder) else { throw .unreadable("read the folder", folder) }
    defer { closedir(stream) }
    var names: [String] = []
    while true {
      // Without this, an error looks like the end.
      errno = 0
      guard let entry = readdir(stream) else {
        if errno != 0 { throw .unreadable("read the folder", folder) }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
      }
      let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(validatingCString: $0) }
      }
      guard let name else {
        throw Failure(
          .refused, "\(folder) holds a file whose name is not UTF-8", hint: "rename it (ls -b shows it)")
      }
      if name != "." && name != ".." { names.append(name) }
    }
  }

  public func realPath(_ path: String) throws(Failure) -> String? {
    try patiently { () throws(Failure) in
      guard let real = realpath(path, nil) else {
        if errno == ENOENT || errno == ENOTDIR { return nil }
        throw .unreadable("find", path)
      }
      defer { free(real) }
      return String(cString: real)
    }
  }

  public func target(ofLink path: String) throws(Failure) -> String? {
    try patiently { () throws(Failure) in
      let most = Int(PATH_MAX)
      var count = 0
      let text = [UInt8](unsafeUninitializedCapacity: most) { buffer, length in
        count = buffer.withMemoryRebound(to: CChar.self) { readlink(path, $0.baseAddress!, most) }
        length = max(0, count)
      }
      if count >= 0 { return String(decoding: text, as: UTF8.self) }
      if errno == ENOENT || errno == ENOTDIR || errno == EINVAL { return nil }
      throw .unreadable("look at", path)
    }
  }

  public func mayExecute(_ path: String) -> Bool { access(path, X_OK) == 0 }

  public func open(_ path: String, followingLinks: Bool) throws(Failure) -> Int32 {
    try patiently { () throws(Failure) in
      let links = followingLinks ? 0 : O_NOFOLLOW
      let file = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | links)
      if file < 0, errno == ELOOP, !followingLinks {
        throw Failure(.unreadable, "\(path) is a link, where a file is needed", errno: ELOOP)
      }
      if file < 0 { throw .unreadable("open", path) }
      return file
    }
  }

  public func status(of file: Int32, path: String) throws(Failure) -> FileStatus {
    try patiently { () throws(Failure) in
      var status = stat()
      if fstat(file, &status) < 0 { throw .unreadable("look at", path) }
      return FileStatus(status)
    }
  }

  public func read(
    into buffer: UnsafeMutableRawBufferPointer, from file: Int32, at offset: Int, path: String
  ) throws(Failure) -> Int {
    var done = 0
    while done < buffer.count {
      let count = try patiently { () throws(Failure) in
        let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
        let count = pread(file, rest.baseAddress, rest.count, off_t(offset + done))
        if count < 0 { throw .unreadable("read", path) }
        return count
      }
      if count == 0 { break }
      done += count
    }
    return done
  }

  /// Asks again where the answer may be another in a moment: after a signal, or from a disk or server that was out of
  /// reach.
  private func patiently<Answer>(
    _ ask: () throws(Failure) -> Answer
  ) throws(Failure) -> Answer {
    for microseconds: UInt32 in [1_000, 10_000, 100_000] {
      do throws(Failure) { return try ask() } catch {
        guard let code = error.errno, [EINTR, EAGAIN, EIO, ESTALE].contains(code) else { throw error }
      }
      usleep(microseconds)
    }
    return try ask()
  }

  public func create(_ path: String, mode: UInt32) throws(Failure) -> Int32 {
    let file = Glibc.open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode)
    if file < 0 { throw .system("create", path) }
    return file
  }

  public func write(_ bytes: UnsafeRawBufferPointer, to file: Int32, path: String) throws(Failure) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = Glibc.write(file, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
      if count < 0 {
        if errno == EINTR { continue }
        throw .system("write", path)
      }
      rest = rest.dropFirst(count)
    }
  }

  public func close(_ file: Int32, path: String) throws(Failure) {
    if Glibc.close(file) < 0 && errno != EINTR { throw .system("close", path) }
  }

  public func open(_ path: String, toWrite writing: Writing) throws(Failure) -> Int32 {
    let more =
      switch writing {
      case .replacing: O_TRUNC
      case .appending: O_APPEND
      case .changing: 0 as Int32
      }
    // What is a pipe by now would wait for a reader.
    let file = Glibc.open(path, O_CREAT | O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | more, 0o666)
    if file < 0 { throw .system("write", path) }
    return file
  }

  public func resize(_ file: Int32, to size: Int, path: String) throws(Failure) {
    if ftruncate(file, off_t(size)) < 0 { throw .system("resize", path) }
  }

  public func setMode(_ path: String, to mode: UInt32) throws(Failure) {
    if chmod(path, mode) < 0 { throw .system("change the permissions of", path) }
  }

  public func setModified(_ path: String, to nanoseconds: Int64) throws(Failure) {
    let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
    // The system counts parts of a second forwards, also before 1970.
    let time =
      rest < 0
      ? timespec(tv_sec: Int(seconds) - 1, tv_nsec: Int(rest) + 1_000_000_000)
      : timespec(tv_sec: Int(seconds), tv_nsec: Int(rest))
    if utimensat(AT_FDCWD, path, [time, time], AT_SYMLINK_NOFOLLOW) < 0 {
      throw .system("set the time of", path)
    }
  }

  public func makeFolder(_ path: String) throws(Failure) {
    if mkdir(path, 0o777) == 0 { return }
    if errno != EEXIST { throw .system("create the folder", path) }
    if try status(path)?.isFolder != true { throw .system("create the folder", path, ENOTDIR) }
  }

  public func makeLink(_ path: String, to target: String) throws(Failure) {
    if symlink(target, path) < 0 { throw .system("make the link", path) }
  }

  public func rename(_ path: String, to target: String) throws(Failure) {
    if Glibc.rename(path, target) < 0 { throw .system("rename \(path) to", target) }
  }

  public func renameIfAbsent(_ path: String, to target: String) throws(Failure) -> Bool {
    if let renameat2 = Kernel.renameat2 {
      let noReplace: UInt32 = 1
      if renameat2(AT_FDCWD, path, AT_FDCWD, target, noReplace) == 0 { return true }
      if errno == EEXIST { return false }
      if errno != EINVAL && errno != ENOSYS { throw .system("rename \(path) to", target) }
    }
    // Not every file system has that call; every one that has hard links can do the same with two.
    guard try link(path, to: target) else { return false }
    try remove(path)
    return true
  }

  public func exchange(_ path: String, with other: String) throws(Failure) -> Bool {
    guard let renameat2 = Kernel.renameat2 else { return false }
    let exchange: UInt32 = 2
    if renameat2(AT_FDCWD, path, AT_FDCWD, other, exchange) == 0 { return true }
    if errno == EINVAL || errno == ENOSYS { return false }
    throw .system("exchange \(path) with", other)
  }

  public func link(_ path: String, to target: String) throws(Failure) -> Bool {
    if Glibc.link(path, target) == 0 { return true }
    let code = errno
    if code == EEXIST { return false }
    // Over SSH (sshfs) whatever goes wrong is not permitted.
    if code == EPERM, (try? status(target, followingLinks: false)) ?? nil != nil { return false }
    throw .system("link \(path) to", target, code)
  }

  public func remove(_ path: String) throws(Failure) {
    if Glibc.remove(path) < 0 { throw .system("remove", path) }
  }

  public func synchronise(_ path: String) throws(Failure) {
    let file = Glibc.open(path, O_RDONLY | O_CLOEXEC)
    if file < 0 { throw .system("open", path) }
    defer { _ = Glibc.close(file) }
    if fsync(file) < 0 { throw .system("synchronise", path) }
  }

  public func synchroniseAll(around file: Int32, path: String) throws(Failure) {
    guard let syncfs = Kernel.syncfs else { return sync() }
    if syncfs(file) < 0 { throw .system("synchronise", path) }
  }
}

/// Calls of Linux that Swift's view of the C library leaves out.
private enum Kernel {
  typealias RenameAt2 =
    @convention(c) (Int32, UnsafePointer<CChar>, Int32, UnsafePointer<CChar>, UInt32) -> Int32
  typealias SyncFS = @convention(c) (Int32) -> Int32

  static let renameat2 = dlsym(nil, "renameat2").map { unsafeBitCast($0, to: RenameAt2.self) }
  static let syncfs = dlsym(nil, "syncfs").map { unsafeBitCast($0, to: SyncFS.self) }
}
