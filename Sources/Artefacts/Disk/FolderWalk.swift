internal import Glibc

/// Turns files and folders outside the store into artefacts, each folder after what it holds. What happens to the files
/// and to the manifests is the caller's.
struct FolderWalk {
  let files: any FileSystem
  let file: (_ path: String, FileStatus) throws -> Artefact
  /// Told of each folder before what it holds; of one that links lead to again, of its other path only.
  var folder: (_ path: String, FileStatus) -> Void = { _, _ in }
  let manifest: ([UInt8]) throws -> Digest

  /// What a walk knows of a folder once it has been through it.
  private struct Visited {
    let tree: Artefact
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

  /// Links are followed: what they lead to is what is kept.
  func artefact(at path: String) throws -> Artefact {
    guard let status = try files.status(path) else {
      throw ArtefactError.system("find", path, ENOENT)
    }
    if status.isFile { return try file(path, status) }
    // A folder is read once, however many links lead to it: 26 folders with two links each have 2^26 paths.
    var known: [FolderName: Visited] = [:]
    return try visit(path, status, within: [], &known).tree
  }

  private func visit(
    _ path: String, _ status: FileStatus, within folders: [FileStatus], _ known: inout [FolderName: Visited]
  ) throws -> Visited {
    try check(path, status, within: folders)
    folder(path, status)
    if let visited = known[FolderName(status)] {
      try check(path, depth: folders.count + visited.depth)
      return visited
    }
    var count = 0
    var depth = 1
    var entries: [Tree.Entry] = []
    for name in try files.names(in: path) {
      let target = path + "/" + name
      guard let found = try files.status(target) else { throw try vanished(target) }
      let artefact: Artefact
      if found.isFile {
        artefact = try file(target, found)
      } else {
        let visited = try visit(target, found, within: folders + [status], &known)
        artefact = visited.tree
        count += visited.entries
        depth = max(depth, visited.depth + 1)
      }
      count += 1
      if count > Tree.fileLimit {
        throw ArtefactError(
          .refused, "\(path) holds more than \(Tree.fileLimit) files, links to folders followed",
          remedy: "leave out what is not needed, and links to folders that are there already")
      }
      let mode: Tree.Mode = found.isFolder ? .tree : found.isExecutable ? .executable : .file
      entries.append(Tree.Entry(name: name, mode: mode, size: artefact.size, digest: artefact.digest))
    }
    let tree = try Tree(entries: entries)
    let bytes = tree.manifest
    if bytes.count > Tree.manifestLimit {
      throw ArtefactError(
        .refused, "\(path) holds too many files for one folder", remedy: "spread them over folders")
    }
    let artefact = Artefact(digest: try manifest(bytes), kind: .tree, size: tree.size)
    let visited = Visited(tree: artefact, entries: count, depth: depth)
    known[FolderName(status)] = visited
    return visited
  }

  private func check(_ path: String, _ status: FileStatus, within folders: [FileStatus]) throws {
    guard status.isFolder else {
      throw ArtefactError(
        .refused, "\(path) is \(status.kind), neither a file nor a folder",
        remedy: "leave it out of what is stored")
    }
    if folders.contains(where: { $0.isSameFile(as: status) }) {
      throw ArtefactError(
        .refused, "\(path) is a link to a folder that it stands in", remedy: "remove the link")
    }
    try check(path, depth: folders.count + 1)
  }

  private func check(_ path: String, depth: Int) throws {
    if depth > Tree.depthLimit {
      throw ArtefactError(.refused, "\(path) is nested deeper than \(Tree.depthLimit) folders")
    }
  }

  /// The error for a name that its folder has, and that leads to nothing.
  private func vanished(_ path: String) throws -> ArtefactError {
    if try files.status(path, followingLinks: false) == nil {
      return ArtefactError(.refused, "\(path) vanished while its folder was read", remedy: "run it again")
    }
    return ArtefactError(
      .refused, "\(path) is a link that leads nowhere", remedy: "remove the link, or make what it names")
  }
}
