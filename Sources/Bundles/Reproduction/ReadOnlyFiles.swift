import System

/// The file system of this machine for who may only look: nothing that is read here is moved away when it is found damaged.
struct ReadOnlyFiles: FileSystem {
  private let disk = LocalFileSystem()

  func status(_ path: String, followingLinks: Bool) throws(Failure) -> FileStatus? {
    try disk.status(path, followingLinks: followingLinks)
  }
  func names(in folder: String) throws(Failure) -> [String] { try disk.names(in: folder) }
  func realPath(_ path: String) throws(Failure) -> String? { try disk.realPath(path) }
  func target(ofLink path: String) throws(Failure) -> String? { try disk.target(ofLink: path) }
  func mayExecute(_ path: String) -> Bool { disk.mayExecute(path) }
  func open(_ path: String, followingLinks: Bool) throws(Failure) -> Int32 {
    try disk.open(path, followingLinks: followingLinks)
  }
  func status(of file: Int32, path: String) throws(Failure) -> FileStatus {
    try disk.status(of: file, path: path)
  }
  func read(
    into buffer: UnsafeMutableRawBufferPointer, from file: Int32, at offset: Int, path: String
  ) throws(Failure) -> Int { try disk.read(into: buffer, from: file, at: offset, path: path) }
  func close(_ file: Int32, path: String) throws(Failure) { try disk.close(file, path: path) }

  func create(_ path: String, mode: UInt32) throws(Failure) -> Int32 { throw refused(path) }
  func open(_ path: String, toWrite writing: Writing) throws(Failure) -> Int32 { throw refused(path) }
  func write(_ bytes: UnsafeRawBufferPointer, to file: Int32, path: String) throws(Failure) {
    throw refused(path)
  }
  func resize(_ file: Int32, to size: Int, path: String) throws(Failure) { throw refused(path) }
  func makeFolder(_ path: String) throws(Failure) { throw refused(path) }
  func makeLink(_ path: String, to target: String) throws(Failure) { throw refused(path) }
  func setMode(_ path: String, to mode: UInt32) throws(Failure) { throw refused(path) }
  func setModified(_ path: String, to nanoseconds: Int64) throws(Failure) { throw refused(path) }
  func rename(_ path: String, to target: String) throws(Failure) { throw refused(path) }
  func renameIfAbsent(_ path: String, to target: String) throws(Failure) -> Bool { throw refused(path) }
  func exchange(_ path: String, with other: String) throws(Failure) -> Bool { throw refused(path) }
  func link(_ path: String, to target: String) throws(Failure) -> Bool { throw refused(path) }
  func remove(_ path: String) throws(Failure) { throw refused(path) }
  func removeAll(_ path: String) {}
  func synchronise(_ path: String) throws(Failure) {}
  func synchroniseAll(around file: Int32, path: String) throws(Failure) {}

  private func refused(_ path: String) -> Failure {
    Failure(.refused, "\(path) belongs to a bundle, in which nothing is changed")
  }
}
