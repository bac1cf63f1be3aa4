public import Artefacts
import Glibc
public import System

/// The folder in which an action runs, removed when it is done.
///
///     work/   what a command sees: its inputs at their places; it leaves its outputs there
///     out/    where an operation writes its outputs
///     tmp/    temporary files of the action
///     log     what it printed
public struct Scratch: Sendable {
  public let path: String
  /// The file system on which it stands.
  public let files: any FileSystem

  public var work: String { path + "/work" }
  public var out: String { path + "/out" }
  public var temporary: String { path + "/tmp" }
  public var log: String { path + "/log" }

  /// - Throws: if it cannot be made.
  public init(in store: Store) throws {
    let folder = try store.temporaryFolder()
    // Commands run in another folder than brake, to which the path of a store may be relative.
    files = store.files
    guard let real = try files.realPath(folder) else { throw Failure.system("find", folder, ENOENT) }
    path = real
    for folder in [work, out, temporary] { try files.makeFolder(folder) }
  }

  /// One that another process has made, which waits for what comes of the action. What an earlier attempt has left goes.
  /// - Parameter kept: names of what stays.
  /// - Throws: if it is not there.
  public init(madeAt path: String, keeping kept: Set<String>, files: any FileSystem) throws {
    self.path = path
    self.files = files
    guard try files.entry(path)?.isFolder == true else { throw Failure.system("find", path, ENOENT) }
    for name in try files.names(in: path) where !kept.contains(name) { files.removeAll("\(path)/\(name)") }
    for folder in [work, out, temporary] { try files.makeFolder(folder) }
  }

  /// One in which another process works, or will. Nothing in it is touched.
  public init(standingAt path: String, files: any FileSystem) {
    self.path = path
    self.files = files
  }

  /// Also removes what is read-only.
  public func remove() { files.removeAll(path) }

  /// Whether anything was printed.
  public var hasLog: Bool { (try? files.entry(log)).map { $0.size > 0 } ?? false }
}
