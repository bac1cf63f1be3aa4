internal import Glibc
internal import System

extension Store {
  /// Writes a blob as a file or a tree as a folder; complete under its name, or not there.
  ///
  /// A file at `path` is replaced, a folder only if it is empty. What is written is a copy of what the store has and is
  /// not made durable.
  ///
  /// - Parameter executable: whether a blob becomes a file that can be executed.
  /// - Throws: among others, for a missing or damaged object, an error that says which `object` it is, and which `tree`
  ///   names it.
  public func restore(_ digest: Digest, to path: String, executable: Bool = false) throws {
    let path = withoutSlashes(path)
    try restore(
      digest, near: path, executable: executable,
      unless: { kind in
        guard let status = try files.status(path) else { return }
        if kind == .tree, try !status.isFolder || !files.names(in: path).isEmpty {
          throw Failure(
            .refused, "\(path) is in the way of the folder that is to be written there",
            hint: "remove it, or give another path")
        }
        if kind == .blob, status.isFolder {
          throw Failure(
            .refused, "\(path) is a folder, and in the way of the file that is to be written there",
            hint: "remove it, or give another path")
        }
      }, place: { try files.rename($0, to: path) })
  }

  /// Writes a blob as a file or a tree as a folder, where a rename can bring it to a path, and hands it over when it is
  /// complete. For those who have more to do than `restore(_:to:)` does, such as moving away what stands at the path.
  ///
  /// The copy stands in a `ProcessFolder`: in the store's `tmp/` where that is on the same file system, in
  /// `.brake-partial` beside the path otherwise, where the next brake that writes into the same folder removes what one that was
  /// killed has left. Nothing else is ever left beside a user's files, and the length of the path's name is no matter.
  ///
  /// - Parameters:
  ///   - path: where the copy is to go. Its folder must be there.
  ///   - executable: whether a blob becomes a file that can be executed.
  ///   - check: called with the artefact's kind before anything is written; throws if it cannot be placed.
  ///   - place: renames the copy. What it does not take is removed.
  public func restore(
    _ digest: Digest, near path: String, executable: Bool = false,
    unless check: (Artefact.Kind) throws -> Void = { _ in },
    place: (_ copy: String) throws -> Void
  ) throws {
    do {
      let kind = try artefact(digest).kind
      try check(kind)
      if kind == .tree { try measure(digest) }
      try withPath(near: withoutSlashes(path)) { copy in
        if kind == .tree {
          try writeFolder(digest, to: copy)
        } else {
          try writeFile(digest, to: copy, executable: executable)
        }
        try place(copy)
      }
    } catch let error as Failure {
      throw error.inside(digest)
    }
  }

  /// Hands out a name that nothing has, from which a rename can reach a path. What has it afterwards is removed.
  private func withPath(near path: String, _ body: (String) throws -> Void) throws {
    let parent = parentFolder(of: path)
    let folder = parent.isEmpty ? "." : parent
    guard try files.status(folder)?.isFolder == true else {
      throw Failure(.notFound, "there is no folder '\(folder)' to write into", hint: "make it first")
    }
    func use(_ own: ProcessFolder) throws {
      let copy = try own.newPath()
      defer { files.removeAll(copy) }
      try body(copy)
    }
    if let own = try? processFolder(), canRename(from: own.path, into: folder) {
      do { return try use(own) } catch let error as Failure where error.errno == EXDEV {}
    }
    let own = try ProcessFolder(in: folder + "/.brake-partial", isAreaTemporary: true, files: files)
    defer { own.remove() }
    try use(own)
  }

  /// Whether files of a process's folder can be renamed into another folder, and are none the worse for it.
  private func canRename(from own: String, into folder: String) -> Bool {
    guard let from = try? files.status(own), let to = try? files.status(folder),
      from.device == to.device, !from.givesGroup
    else { return false }
    // Two mounts of one file system are two to a rename, which says so before it looks for the file.
    do { try files.rename(own + "/none", to: folder + "/.brake-none") } catch {
      return error.code == .notFound
    }
    return false
  }

  private func withoutSlashes(_ path: String) -> String {
    var path = path[...]
    while path.count > 1, path.hasSuffix("/") { path = path.dropLast() }
    return String(path)
  }

  private func writeFile(_ digest: Digest, to path: String, executable: Bool) throws {
    try files.writeFile(path, mode: executable ? 0o777 : 0o666) { try stream(digest, $0) }
  }

  private func writeFolder(_ digest: Digest, to path: String) throws {
    try files.makeFolder(path)
    for entry in try tree(digest).entries {
      let target = path + "/" + entry.name
      switch entry.mode {
      case .tree: try writeFolder(entry.digest, to: target)
      case .file, .executable: try writeFile(entry.digest, to: target, executable: entry.mode == .executable)
      }
    }
  }

  /// Looks through a tree before anything is written: that every object is there, that sizes agree, and that it does
  /// not unfold, by naming the same subfolders again and again, to more than can be meant.
  private func measure(_ digest: Digest) throws {
    var known: [Digest: (files: Int, depth: Int, size: Int)] = [:]
    func visit(_ digest: Digest, _ level: Int) throws -> (files: Int, depth: Int, size: Int) {
      if let known = known[digest] { return known }
      if level > Tree.depthLimit {
        throw Failure(.refused, "the tree \(digest) is nested deeper than \(Tree.depthLimit) folders")
      }
      let tree = try tree(digest)
      var total = (files: 1, depth: 1, size: tree.size)
      for entry in tree.entries {
        if entry.mode == .tree {
          let below = try visit(entry.digest, level + 1)
          total.files += below.files
          total.depth = max(total.depth, below.depth + 1)
          if below.size != entry.size { throw sizeMismatch(entry) }
        } else {
          total.files += 1
          if try reading(entry.digest, { $0.footer.size }) != entry.size { throw sizeMismatch(entry) }
        }
        if total.files > Tree.fileLimit || total.depth > Tree.depthLimit {
          throw Failure(
            .refused,
            "the tree \(digest) unfolds to more than \(Tree.fileLimit) files or \(Tree.depthLimit) levels")
        }
      }
      known[digest] = total
      return total
    }
    _ = try visit(digest, 1)
  }

  private func sizeMismatch(_ entry: Tree.Entry) -> Failure {
    Failure(
      .refused, "a tree says that '\(entry.name)' has \(entry.size) bytes, but \(entry.digest) has not")
  }
}
