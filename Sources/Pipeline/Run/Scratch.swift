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
  /// The file system on which it stands.
  let files: any FileSystem

  var work: String { path + "/work" }
  var out: String { path + "/out" }
  var temporary: String { path + "/tmp" }
  var log: String { path + "/log" }

  /// - Throws: if it cannot be made.
  init(in store: Store) throws {
    let folder = try store.temporaryFolder()
    // Commands run in another folder than brake, to which the path of a store may be relative.
    files = store.files
    guard let real = try files.realPath(folder) else { throw Failure.system("find", folder, ENOENT) }
    path = real
    for folder in [work, out, temporary] { try files.makeFolder(folder) }
  }

  /// Also removes what is read-only.
  func remove() { files.removeAll(path) }

  /// Whether anything was printed.
  var hasLog: Bool { (try? files.entry(log)).map { $0.size > 0 } ?? false }
}
