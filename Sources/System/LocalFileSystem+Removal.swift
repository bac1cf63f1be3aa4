internal import Glibc

extension LocalFileSystem {
  /// Removes a file or link, or a folder with all that is in it, whatever the names are made of and however long the paths
  /// have become. What cannot be removed stays.
  ///
  /// A folder inside a folder is moved up before it is emptied, so that neither paths nor open descriptors grow with the
  /// depth. Links are removed and not followed.
  public func removeAll(_ path: String) {
    if unlink(path) == 0 || errno == ENOENT { return }
    // Others who may look into it go on to.
    var status = stat()
    if lstat(path, &status) == 0 { chmod(path, status.st_mode & 0o777 | 0o700) }
    let folder = Glibc.open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    if folder < 0 { return }
    defer { _ = Glibc.close(folder) }
    var moved = 0
    // Each pass empties the folders that the one before it moved up.
    while true {
      var hasMoved = false
      LocalFileSystem.forEachName(in: folder) { name in
        if unlinkat(folder, name, 0) == 0 { return }
        // Most folders are empty.
        if errno == EISDIR, unlinkat(folder, name, AT_REMOVEDIR) == 0 { return }
        fchmodat(folder, name, 0o700, 0)
        let inner = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        if inner >= 0 {
          LocalFileSystem.forEachName(in: inner) { below in
            if unlinkat(inner, below, 0) == 0 || unlinkat(inner, below, AT_REMOVEDIR) == 0 { return }
            fchmodat(inner, below, 0o700, 0)
            moved += 1
            if renameat(inner, below, folder, ".brake-removed-\(moved)") == 0 { hasMoved = true }
          }
          _ = Glibc.close(inner)
        }
        unlinkat(folder, name, AT_REMOVEDIR)
      }
      if !hasMoved { break }
    }
    rmdir(path)
  }

  /// Calls `body` with the name of each entry of an open folder, as the bytes that it is.
  private static func forEachName(in folder: Int32, _ body: (UnsafePointer<CChar>) -> Void) {
    let copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard copy >= 0, let list = fdopendir(copy) else { return }
    defer { closedir(list) }
    // Read to the end before anything is removed: what a folder lists after a change is not defined.
    var names: [[CChar]] = []
    while let entry = readdir(list) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) {
          Array(UnsafeBufferPointer(start: $0, count: strlen($0) + 1))
        }
      }
      if name != [46, 0] && name != [46, 46, 0] { names.append(name) }
    }
    for name in names { name.withUnsafeBufferPointer { body($0.baseAddress!) } }
  }
}
