internal import Glibc

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
