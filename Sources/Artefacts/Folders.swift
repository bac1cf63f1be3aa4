internal import Glibc

/// The names in a folder, sorted by their bytes, without `.` and `..`.
/// - Throws: `.refused` for a name that is not UTF-8.
func folderNames(_ path: String) throws(ArtefactError) -> [String] {
  guard let folder = opendir(path) else { throw .system("read the folder", path) }
  defer { closedir(folder) }
  var names: [String] = []
  while true {
    errno = 0
    guard let entry = readdir(folder) else {
      if errno != 0 { throw .system("read the folder", path) }
      return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
    let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
      pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(validatingCString: $0) }
    }
    guard let name else {
      throw ArtefactError(
        .refused, "\(path) holds a file whose name is not UTF-8", remedy: "rename it (ls -b shows it)")
    }
    if name != "." && name != ".." { names.append(name) }
  }
}

extension Store {
  /// A file of `/proc`, whose size is not known before it is read.
  static func readVirtualFile(_ path: String) throws(ArtefactError) -> String {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    if file < 0 { throw .system("open", path) }
    defer { _ = close(file) }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = bytes.withUnsafeMutableBytes { read(file, $0.baseAddress, $0.count) }
    if count < 0 { throw .system("read", path) }
    return String(decoding: bytes.prefix(count), as: UTF8.self)
  }
}
