public import Artefacts
import Glibc
public import System

/// The folder in which an action runs, removed when it is done.
///
///     work/   what a command sees: its inputs at their places; it leaves its outputs there
///     out/    where an operation writes its outputs
///     tmp/    temporary files of the action
///     log     what it printed
///     events  what a command tells while it runs
public struct Scratch: Sendable {
  public let path: String
  /// The file system on which it stands.
  public let files: any FileSystem

  public var work: String { path + "/work" }
  public var out: String { path + "/out" }
  public var temporary: String { path + "/tmp" }
  public var log: String { path + "/log" }
  /// The name of the file of events.
  public static let eventsName = "events"

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

  /// What says that the rest is whole, and goes before it: who is killed while it removes leaves nothing that looks whole.
  private var marks: [String] = []
  /// Whether it may be removed: another process may have taken it over.
  public private(set) var isOwn: @Sendable () -> Bool = { true }

  /// One in which another process works, or will. Nothing in it is touched.
  /// - Parameters:
  ///   - marks: names of files in it that say that the rest is whole.
  ///   - isOwn: whether it is still this process's to remove.
  public init(
    standingAt path: String, marks: [String], isOwn: @escaping @Sendable () -> Bool, files: any FileSystem
  ) {
    self.path = path
    self.files = files
    self.marks = marks
    self.isOwn = isOwn
  }

  /// Also removes what is read-only.
  public func remove() {
    guard isOwn() else { return }
    if !marks.isEmpty {
      for mark in marks { try? files.remove("\(path)/\(mark)") }
      try? files.synchronise(path)
    }
    files.removeAll(path)
  }

  /// Whether anything was printed.
  public var hasLog: Bool { (try? files.entry(log)).map { $0.size > 0 } ?? false }
}
