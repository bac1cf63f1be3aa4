import Artefacts
import Glibc
import System

/// The folder in which an action runs, removed when it is done.
///
///     work/   what a command sees: its inputs at their places; it leaves its outputs there
///     out/    where an operation writes its outputs
///     tmp/    temporary files of the action
///     log     what it printed
struct Scratch: Sendable {
  let path: String

  var work: String { path + "/work" }
  var out: String { path + "/out" }
  var temporary: String { path + "/tmp" }
  var log: String { path + "/log" }

  /// - Throws: if it cannot be made.
  init(in store: Store) throws {
    let folder = try store.temporaryFolder()
    // Commands run in another folder than brake, to which the path of a store may be relative.
    guard let real = realPath(folder) else { throw PipelineError(system: "find the folder", folder) }
    path = real
    for folder in [work, out, temporary] { try makeFolders(folder) }
  }

  /// Also removes what is read-only.
  func remove() { removeAll(path) }
}

/// Makes a folder and those above it.
func makeFolders(_ path: String) throws {
  if mkdir(path, 0o777) == 0 || errno == EEXIST { return }
  guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash != path.startIndex else {
    throw PipelineError(system: "make the folder", path)
  }
  try makeFolders(String(path[..<slash]))
  if mkdir(path, 0o777) != 0 && errno != EEXIST { throw PipelineError(system: "make the folder", path) }
}

/// Removes a file or a folder with all in it; what cannot be removed stays.
func removeAll(_ path: String) { LocalFileSystem().removeAll(path) }

/// The entries of a folder, sorted. An error is never taken for its end.
func names(in folder: String) throws -> [String] { try LocalFileSystem().names(in: folder) }

enum FileType { case file, folder, link, other }

/// What stands at a path, links not followed; nil if nothing does.
func fileType(_ path: String) throws -> FileType? {
  try LocalFileSystem().status(path, followingLinks: false)
    .map { $0.isFile ? .file : $0.isFolder ? .folder : $0.isLink ? .link : .other }
}

/// Whether a path leads to a file that can be executed.
func isExecutableFile(_ path: String) throws -> Bool {
  let status = try LocalFileSystem().status(path, followingLinks: true)
  return status.map { $0.isFile && $0.isExecutable } ?? false
}

/// Bytes of a file; 0 if there is none.
func fileSize(_ path: String) -> Int {
  var status = stat()
  return lstat(path, &status) == 0 ? Int(status.st_size) : 0
}

/// Writes a small file; not durable, not atomic.
func write(_ bytes: [UInt8], to path: String, appending: Bool = false) throws {
  let flags = O_WRONLY | O_CREAT | O_CLOEXEC | (appending ? O_APPEND : O_TRUNC)
  let file = open(path, flags, 0o666)
  guard file >= 0 else { throw PipelineError(system: "write", path) }
  defer { close(file) }
  try writeAll(bytes[...], to: file, path)
}

func writeAll(_ bytes: ArraySlice<UInt8>, to file: Int32, _ path: String) throws {
  var rest = bytes
  while !rest.isEmpty {
    let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
    if count < 0 && errno == EINTR { continue }
    guard count > 0 else { throw PipelineError(system: "write", path) }
    rest = rest.dropFirst(count)
  }
}

/// The last bytes of a file, at most `limit` of them; nil if it cannot be read.
func readEnd(of path: String, limit: Int) -> [UInt8]? {
  let file = open(path, O_RDONLY | O_CLOEXEC)
  guard file >= 0 else { return nil }
  defer { close(file) }
  var status = stat()
  guard fstat(file, &status) == 0 else { return nil }
  var bytes = [UInt8](repeating: 0, count: min(limit, Int(status.st_size)))
  let count = pread(file, &bytes, bytes.count, status.st_size - off_t(bytes.count))
  return count < 0 ? nil : Array(bytes.prefix(count))
}

/// Reads a file of at most `limit` bytes; nil if there is none.
func readSmall(_ path: String, limit: Int) throws -> [UInt8]? {
  try LocalFileSystem().contents(of: path, limit: limit)
}
