import Artefacts
import Glibc
import System

/// The whole of a file.
///
/// - Throws: if it cannot be read, is no regular file, or is larger than `limit` bytes.
func readFile(_ path: String, limit: Int) throws(Failure) -> [UInt8] {
  func refused(_ why: String) -> Failure {
    Failure(.system, "cannot read '\(path)': \(why)", errno: errno)
  }
  let file = open(path, O_RDONLY | O_CLOEXEC)
  guard file >= 0 else { throw refused(String(cString: strerror(errno))) }
  defer { close(file) }
  var status = stat()
  guard fstat(file, &status) == 0 else { throw refused(String(cString: strerror(errno))) }
  if status.st_mode & S_IFMT == S_IFDIR { throw refused("it is a folder") }
  var bytes: [UInt8] = []
  var piece = [UInt8](repeating: 0, count: 1 << 16)
  while true {
    let count = read(file, &piece, piece.count)
    if count < 0 && errno == EINTR { continue }
    if count < 0 { throw refused(String(cString: strerror(errno))) }
    if count == 0 { return bytes }
    bytes += piece[..<count]
    if bytes.count > limit { throw refused("it is larger than \(byteCount(limit))") }
  }
}

func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

func isFolder(_ path: String) -> Bool {
  var status = stat()
  return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
}

func isRegularFile(_ path: String) -> Bool {
  var status = stat()
  return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
}
