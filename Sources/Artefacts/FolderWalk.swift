/// Turns files and folders outside the store into artefacts, each folder after what it holds. What happens to the files
/// and to the manifests is the caller's.
struct FolderWalk {
  let file: (_ path: String, FileStatus) throws -> Artefact
  /// Told of each folder before what it holds.
  var folder: (_ path: String, FileStatus) -> Void = { _, _ in }
  let manifest: ([UInt8]) throws -> Digest

  /// Links are followed: what they lead to is what is kept.
  func artefact(at path: String) throws -> Artefact { try visit(path, within: []) }

  private func visit(_ path: String, within folders: [FileStatus]) throws -> Artefact {
    guard let status = FileStatus(path) else { throw unreachable(path, nested: !folders.isEmpty) }
    if status.isFile { return try file(path, status) }
    guard status.isFolder else {
      throw ArtefactError(
        .refused, "\(path) is neither a file nor a folder (a socket, pipe or device)",
        remedy: "leave it out of what is stored")
    }
    if folders.contains(where: { $0.isSameFile(as: status) }) {
      throw ArtefactError(
        .refused, "\(path) is a link to a folder that it stands in", remedy: "remove the link")
    }
    if folders.count >= Tree.depthLimit {
      throw ArtefactError(.refused, "\(path) is nested deeper than \(Tree.depthLimit) folders")
    }
    folder(path, status)
    let entries = try folderNames(path).map { name -> Tree.Entry in
      let target = path + "/" + name
      let artefact = try visit(target, within: folders + [status])
      let status = FileStatus(target)
      let mode: Tree.Mode =
        status?.isFolder == true ? .tree : status?.isExecutable == true ? .executable : .file
      return Tree.Entry(name: name, mode: mode, size: artefact.size, digest: artefact.digest)
    }
    let tree = try Tree(entries: entries)
    let bytes = tree.manifest
    if bytes.count > Tree.manifestLimit {
      throw ArtefactError(
        .refused, "\(path) holds too many files for one folder", remedy: "spread them over folders")
    }
    return Artefact(digest: try manifest(bytes), kind: .tree, size: tree.size)
  }

  private func unreachable(_ path: String, nested: Bool) -> ArtefactError {
    let error = ArtefactError.system("find", path)
    if !nested || error.code != .notFound { return error }
    return ArtefactError(
      .refused, "\(path) is a link that leads nowhere", remedy: "remove the link, or make what it names",
      errno: error.errno)
  }
}
