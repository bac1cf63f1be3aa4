import Pipeline
import System

/// What stood at some paths at a moment: of files what the system says without opening them, of folders the same for all
/// they hold.
struct FileSnapshot: Equatable {
  private enum Entry: Equatable {
    case nothing
    case folder
    case file(FileStatus)
    /// Neither, or not to be looked at.
    case other
  }

  private var entries: [String: Entry] = [:]
  /// The folders in which something could change.
  private(set) var folders: Set<String> = []

  private static let depthLimit = 128
  private static let entryLimit = 1_000_000

  init(of paths: Set<String>) {
    for path in paths {
      folders.insert(FileSnapshot.nearestFolder(above: path))
      look(at: path, depth: 0)
    }
  }

  /// Adds what stood at other paths.
  mutating func formUnion(_ other: FileSnapshot) {
    entries.merge(other.entries) { mine, _ in mine }
    folders.formUnion(other.folders)
  }

  private mutating func look(at path: String, depth: Int) {
    guard entries[path] == nil, entries.count < FileSnapshot.entryLimit else { return }
    let files = LocalFileSystem()
    do {
      guard let status = try files.status(path) else { return entries[path] = .nothing }
      if status.isFile { return entries[path] = .file(status) }
      guard status.isFolder, depth < FileSnapshot.depthLimit else { return entries[path] = .other }
      entries[path] = .folder
      folders.insert(path)
      for name in try files.names(in: path) { look(at: path + "/" + name, depth: depth + 1) }
    } catch {
      entries[path] = .other
    }
  }

  private static func nearestFolder(above path: String) -> String {
    var path = path[...]
    while let slash = path.lastIndex(of: "/") {
      path = path[..<slash]
      if path.isEmpty { return "/" }
      if (try? LocalFileSystem().status(String(path)))??.isFolder == true { return String(path) }
    }
    return "."
  }

  /// The paths at which something else stands now, sorted.
  func changes(since other: FileSnapshot) -> [String] {
    Set(entries.keys).union(other.entries.keys).filter { entries[$0] != other.entries[$0] }.sorted()
  }
}
