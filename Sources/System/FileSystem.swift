internal import Glibc

/// Whatever is read from a disk or changed on it goes through here. Tests have implementations that fail, or crash
/// for good, at the k-th call, and one that forgets what was never synchronised.
///
/// Only an answer is an answer: that nothing stands at a path is said by the system, never concluded from an error.
public protocol FileSystem: Sendable {
  /// What stands at a path; nil if nothing does.
  func status(_ path: String, followingLinks: Bool) throws(Failure) -> FileStatus?
  /// All names in a folder, sorted by their bytes, without `.` and `..`.
  /// - Throws: `.refused` for a name that is not UTF-8.
  func names(in folder: String) throws(Failure) -> [String]
  /// Opens a file or folder for reading, without waiting for anyone if it is a pipe.
  func open(_ path: String) throws(Failure) -> Int32
  /// What an open file or folder is now.
  func status(of file: Int32, path: String) throws(Failure) -> FileStatus
  /// Fills a buffer from a place in a file, as far as the file reaches.
  /// - Returns: the number of bytes read.
  func read(
    into buffer: UnsafeMutableRawBufferPointer, from file: Int32, at offset: Int, path: String
  ) throws(Failure) -> Int
  /// Creates a file for writing; an error if the name is taken. The user's umask applies to the mode.
  func create(_ path: String, mode: UInt32) throws(Failure) -> Int32
  func write(_ bytes: UnsafeRawBufferPointer, to file: Int32, path: String) throws(Failure)
  func close(_ file: Int32, path: String) throws(Failure)
  /// Writes at the end of a file, which is made if it is not there; an error if it is a link.
  func append(_ bytes: UnsafeRawBufferPointer, to path: String) throws(Failure)
  /// Makes a folder; nothing happens if there is one already.
  func makeFolder(_ path: String) throws(Failure)
  /// Gives a file or folder another name, in place of a file that may have it.
  func rename(_ path: String, to target: String) throws(Failure)
  /// Gives a file another name, unless that is taken.
  /// - Returns: whether it did.
  func renameIfAbsent(_ path: String, to target: String) throws(Failure) -> Bool
  /// Removes a file, or a folder that is empty.
  func remove(_ path: String) throws(Failure)
  /// Returns when the file's bytes, or the folder's entries, survive a power cut. An error here is final: what the
  /// kernel could not write it may have dropped, and asking again can succeed wrongly.
  func synchronise(_ path: String) throws(Failure)
  /// The same for everything on the file system of an open file or folder: dearer than one file, cheaper than many. What
  /// could not be written since that was opened is an error.
  func synchroniseAll(around file: Int32, path: String) throws(Failure)
  /// Removes a file or link, or a folder with all that is in it. What cannot be removed stays.
  func removeAll(_ path: String)
}

/// Takes the next bytes of a file that is being written.
package typealias Append = (UnsafeRawBufferPointer) throws -> Void

extension FileSystem {
  /// What stands at a path, or at the end of the links that do; nil if nothing does.
  public func status(_ path: String) throws(Failure) -> FileStatus? {
    try status(path, followingLinks: true)
  }

  /// All bytes of a file; nil if it is not there.
  /// - Throws: `.refused` for what is not a regular file, or larger than `limit` bytes.
  public func contents(of path: String, limit: Int) throws(Failure) -> [UInt8]? {
    guard let file = try InputFile.ifPresent(path, files: self) else { return nil }
    guard file.size <= limit else {
      throw Failure(.refused, "\(path) has \(file.size) bytes, more than the \(limit) expected here")
    }
    return try file.readAll()
  }

  /// Makes a folder and those above it.
  /// - Returns: the folders that have a new entry and are to be synchronised.
  package func makeFolders(_ path: String) throws(Failure) -> [String] {
    if path.isEmpty { return [] }
    if try status(path)?.isFolder == true { return [] }
    let parent = parentFolder(of: path)
    let changed = try makeFolders(parent)
    try makeFolder(path)
    return changed + [parent.isEmpty ? "." : parent]
  }

  /// Throws if what stands at a path is a link or no folder: what a link leads to belongs to someone else.
  package func checkOwnFolder(_ path: String) throws(Failure) {
    guard let status = try status(path, followingLinks: false), !status.isFolder else { return }
    throw Failure(
      .refused, "\(path) is \(status.kind), where a store has a folder; links in a store are not followed",
      hint: "put a folder in its place, or let the whole store be a link")
  }

  /// Removes a file or link, or a folder with all that is in it. What cannot be removed stays.
  public func removeAll(_ path: String) {
    if let status = try? status(path, followingLinks: false), status.isFolder {
      chmod(path, 0o700)
      for name in (try? names(in: path)) ?? [] { removeAll(path + "/" + name) }
    }
    try? remove(path)
  }

  /// Creates a file with what `body` appends; removes it if anything fails.
  package func writeFile<Result>(
    _ path: String, mode: UInt32, _ body: (@escaping Append) throws -> Result
  ) throws -> Result {
    let file = try create(path, mode: mode)
    do {
      let result: Result
      do {
        result = try body { try write($0, to: file, path: path) }
      } catch {
        try? close(file, path: path)
        throw error
      }
      try close(file, path: path)
      return result
    } catch {
      try? remove(path)
      throw error
    }
  }

  /// Writes a small file whole: under a temporary name first, durable, then in place of whatever has the name.
  package func replace(_ path: String, with bytes: [UInt8], by temporary: String) throws {
    try writeFile(temporary, mode: 0o666) { try bytes.withUnsafeBytes($0) }
    do {
      try synchronise(temporary)
      try rename(temporary, to: path)
    } catch {
      try? remove(temporary)
      throw error
    }
    try synchronise(parentFolder(of: path))
  }
}

/// The path without its last component; empty where there is nothing before it.
package func parentFolder(of path: String) -> String {
  guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "" }
  return slash == path.startIndex && path.utf8.count > 1 ? "/" : String(path[..<slash])
}
