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
  /// Where a path leads, absolute and without links; nil if it leads nowhere.
  func realPath(_ path: String) throws(Failure) -> String?
  /// What a link says; nil if nothing or no link stands there.
  func target(ofLink path: String) throws(Failure) -> String?
  /// Whether this process may execute what stands at a path.
  func mayExecute(_ path: String) -> Bool

  /// Opens a file or folder for reading, without waiting for anyone if it is a pipe.
  func open(_ path: String, followingLinks: Bool) throws(Failure) -> Int32
  /// What an open file or folder is now.
  func status(of file: Int32, path: String) throws(Failure) -> FileStatus
  /// Fills a buffer from a place in a file, as far as the file reaches.
  /// - Returns: the number of bytes read.
  func read(
    into buffer: UnsafeMutableRawBufferPointer, from file: Int32, at offset: Int, path: String
  ) throws(Failure) -> Int

  /// Creates a file for writing; an error if the name is taken. The user's umask applies to the mode.
  func create(_ path: String, mode: UInt32) throws(Failure) -> Int32
  /// Opens a file for writing, and makes it if it is not there; an error if it is a link.
  func open(_ path: String, toWrite writing: Writing) throws(Failure) -> Int32
  func write(_ bytes: UnsafeRawBufferPointer, to file: Int32, path: String) throws(Failure)
  /// Cuts a file off, or makes it longer with zeros that take no room.
  func resize(_ file: Int32, to size: Int, path: String) throws(Failure)
  func close(_ file: Int32, path: String) throws(Failure)

  /// Makes a folder; nothing happens if there is one already.
  func makeFolder(_ path: String) throws(Failure)
  /// Makes a link that says `target`; an error if the name is taken.
  func makeLink(_ path: String, to target: String) throws(Failure)
  /// Changes who may do what with a file or folder.
  func setMode(_ path: String, to mode: UInt32) throws(Failure)
  /// Says of a file, folder or link when it was last written, in nanoseconds since 1970.
  func setModified(_ path: String, to nanoseconds: Int64) throws(Failure)
  /// Gives a file or folder another name, in place of a file that may have it.
  func rename(_ path: String, to target: String) throws(Failure)
  /// Gives a file another name, unless that is taken.
  /// - Returns: whether it did.
  func renameIfAbsent(_ path: String, to target: String) throws(Failure) -> Bool
  /// Exchanges the names of two files or folders at one stroke.
  /// - Returns: false where the file system cannot do that.
  func exchange(_ path: String, with other: String) throws(Failure) -> Bool
  /// Gives a file a second name, unless that is taken.
  /// - Returns: whether it did.
  func link(_ path: String, to target: String) throws(Failure) -> Bool
  /// Removes a file, or a folder that is empty.
  func remove(_ path: String) throws(Failure)
  /// Removes a file or link, or a folder with all that is in it. What cannot be removed stays.
  func removeAll(_ path: String)

  /// Returns when the file's bytes, or the folder's entries, survive a power cut. An error here is final: what the
  /// kernel could not write it may have dropped, and asking again can succeed wrongly.
  func synchronise(_ path: String) throws(Failure)
  /// The same for everything on the file system of an open file or folder: dearer than one file, cheaper than many. What
  /// could not be written since that was opened is an error.
  func synchroniseAll(around file: Int32, path: String) throws(Failure)
}

/// What becomes of the bytes of a file that is opened for writing.
public enum Writing: Sendable {
  /// They go.
  case replacing
  /// They stay, and all that is written stands behind them.
  case appending
  /// They stay until they are written over.
  case changing
}

extension FileSystem {
  /// What stands at a path, or at the end of the links that do; nil if nothing does.
  public func status(_ path: String) throws(Failure) -> FileStatus? {
    try status(path, followingLinks: true)
  }

  /// What stands at a path itself, be it a link; nil if nothing does.
  package func entry(_ path: String) throws(Failure) -> FileStatus? {
    try status(path, followingLinks: false)
  }

  /// Whether a path leads to a file that can be executed.
  package func isExecutable(_ path: String) throws(Failure) -> Bool {
    try status(path).map { $0.isFile && $0.isExecutable } ?? false
  }

  package func open(_ path: String) throws(Failure) -> Int32 { try open(path, followingLinks: true) }

  /// Removes a file or link, or a folder with all that is in it. What cannot be removed stays.
  public func removeAll(_ path: String) {
    if let status = try? entry(path), status.isFolder {
      try? setMode(path, to: 0o700)
      for name in (try? names(in: path)) ?? [] { removeAll(path + "/" + name) }
    }
    try? remove(path)
  }

  /// Makes a folder and those above it.
  /// - Returns: the folders that have a new entry and are to be synchronised.
  @discardableResult package func makeFolders(_ path: String) throws(Failure) -> [String] {
    if path.isEmpty { return [] }
    if try status(path)?.isFolder == true { return [] }
    let parent = parentFolder(of: path)
    let changed = try makeFolders(parent)
    try makeFolder(path)
    return changed + [parent.isEmpty ? "." : parent]
  }

  /// Throws if what stands at a path is a link or no folder: what a link leads to belongs to someone else.
  /// - Returns: whether there is a folder.
  @discardableResult package func checkOwnFolder(_ path: String) throws(Failure) -> Bool {
    guard let status = try entry(path) else { return false }
    if status.isFolder { return true }
    throw Failure(
      .refused, "\(path) is \(status.kind), where a store has a folder; links in a store are not followed",
      hint: "put a folder in its place, or let the whole store be a link")
  }
}

/// The path without its last component; empty where there is nothing before it.
package func parentFolder(of path: String) -> String {
  guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "" }
  return slash == path.startIndex && path.utf8.count > 1 ? "/" : String(path[..<slash])
}
