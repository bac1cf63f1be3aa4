internal import System

extension FolderWalk<Artefact> {
  /// Turns files and folders outside the store into artefacts. What happens to the files and to the manifests of the
  /// folders is the caller's.
  init(
    files: any FileSystem, file: @escaping (_ path: String, FileStatus) throws -> Artefact,
    enter: @escaping (_ path: String, FileStatus) -> Void = { _, _ in },
    manifest: @escaping ([UInt8]) throws -> Digest
  ) {
    self.init(
      files: files, limits: Limits(entries: Tree.fileLimit, depth: Tree.depthLimit), file: file, enter: enter,
      folder: { path, entries in
        let tree = try Tree(
          entries: entries.map { entry in
            let mode: Tree.Mode =
              entry.status.isFolder ? .tree : entry.status.isExecutable ? .executable : .file
            return Tree.Entry(
              name: entry.name, mode: mode, size: entry.node.size, digest: entry.node.digest)
          })
        let bytes = tree.manifest
        if bytes.count > Tree.manifestLimit {
          throw Failure(
            .refused, "\(path) holds too many files for one folder", hint: "spread them over folders")
        }
        return Artefact(digest: try manifest(bytes), kind: .tree, size: tree.size)
      })
  }
}
