internal import Glibc

/// Turns a file, or a folder with all that is in it, into a node of the caller's, each folder after what it holds. Links
/// are followed: what they lead to is what counts.
package struct FolderWalk<Node> {
  package struct Entry {
    package let name: String
    package let status: FileStatus
    package let node: Node
  }

  /// What a folder may hold: files and folders under it, and folders in folders.
  package struct Limits {
    let entries: Int
    let depth: Int

    package init(entries: Int, depth: Int) {
      self.entries = entries
      self.depth = depth
    }
  }

  private let files: any FileSystem
  private let limits: Limits
  private let file: (_ path: String, FileStatus) throws -> Node
  private let enter: (_ path: String, FileStatus) -> Void
  private let folder: (_ path: String, [Entry]) throws -> Node

  /// - Parameters:
  ///   - enter: told of each folder before what it holds; of one that links lead to again, of its other path only.
  ///   - folder: given the entries in the order of their names' bytes.
  package init(
    files: any FileSystem, limits: Limits, file: @escaping (_ path: String, FileStatus) throws -> Node,
    enter: @escaping (_ path: String, FileStatus) -> Void,
    folder: @escaping (_ path: String, [Entry]) throws -> Node
  ) {
    self.files = files
    self.limits = limits
    self.file = file
    self.enter = enter
    self.folder = folder
  }

  /// What a walk knows of a folder once it has been through it.
  private struct Visited {
    let node: Node
    /// Files and folders under it, with those that links repeat.
    let entries: Int
    let depth: Int
  }

  private struct FolderName: Hashable {
    let device: UInt64
    let inode: UInt64

    init(_ status: FileStatus) {
      device = status.device
      inode = status.inode
    }
  }

  package func node(at path: String) throws -> Node {
    guard let status = try files.status(path) else {
      throw Failure.system("find", path, ENOENT)
    }
    if status.isFile { return try file(path, status) }
    // A folder is read once, however many links lead to it: 26 folders with two links each have 2^26 paths.
    var known: [FolderName: Visited] = [:]
    return try visit(path, status, within: [], &known).node
  }

  private func visit(
    _ path: String, _ status: FileStatus, within folders: [FileStatus], _ known: inout [FolderName: Visited]
  ) throws -> Visited {
    try check(path, status, within: folders)
    enter(path, status)
    if let visited = known[FolderName(status)] {
      try check(path, depth: folders.count + visited.depth)
      return visited
    }
    var count = 0
    var depth = 1
    var entries: [Entry] = []
    for name in try files.names(in: path) {
      let target = path + "/" + name
      guard let found = try files.status(target) else { throw try vanished(target) }
      let node: Node
      if found.isFile {
        node = try file(target, found)
      } else {
        let visited = try visit(target, found, within: folders + [status], &known)
        node = visited.node
        count += visited.entries
        depth = max(depth, visited.depth + 1)
      }
      count += 1
      if count > limits.entries {
        throw Failure(
          .refused, "\(path) holds more than \(limits.entries) files, links to folders followed",
          hint: "leave out what is not needed, and links to folders that are there already")
      }
      entries.append(Entry(name: name, status: found, node: node))
    }
    let visited = Visited(node: try folder(path, entries), entries: count, depth: depth)
    known[FolderName(status)] = visited
    return visited
  }

  private func check(_ path: String, _ status: FileStatus, within folders: [FileStatus]) throws {
    guard status.isFolder else {
      throw Failure(
        .refused, "\(path) is \(status.kind), neither a file nor a folder",
        hint: "leave it out of what is stored")
    }
    if folders.contains(where: { $0.isSameFile(as: status) }) {
      throw Failure(
        .refused, "\(path) is a link to a folder that it stands in", hint: "remove the link")
    }
    try check(path, depth: folders.count + 1)
  }

  private func check(_ path: String, depth: Int) throws {
    if depth > limits.depth {
      throw Failure(.refused, "\(path) is nested deeper than \(limits.depth) folders")
    }
  }

  /// The error for a name that its folder has, and that leads to nothing.
  private func vanished(_ path: String) throws -> Failure {
    if try files.status(path, followingLinks: false) == nil {
      return Failure(.refused, "\(path) vanished while its folder was read", hint: "run it again")
    }
    return Failure(
      .refused, "\(path) is a link that leads nowhere", hint: "remove the link, or make what it names")
  }
}
