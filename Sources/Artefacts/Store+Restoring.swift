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
    do { try write(digest, to: path, executable) } catch let error as ArtefactError {
      throw error.inside(digest)
    }
  }

  private func write(_ digest: Digest, to path: String, _ executable: Bool) throws {
    if try artefact(digest).kind == .tree {
      if let status = try files.status(path), try !status.isFolder || !files.names(in: path).isEmpty {
        throw ArtefactError(
          .refused, "\(path) is in the way of the folder that is to be written there",
          remedy: "remove it, or give another path")
      }
      try measure(digest)
      try place(path) { try writeFolder(digest, to: $0) }
    } else {
      if try files.status(path)?.isFolder == true {
        throw ArtefactError(
          .refused, "\(path) is a folder, and in the way of the file that is to be written there",
          remedy: "remove it, or give another path")
      }
      try place(path) { try writeFile(digest, to: $0, executable: executable) }
    }
  }

  /// Has something written next to where it is to stand, and puts it there once it is complete.
  private func place(_ path: String, _ write: (String) throws -> Void) throws {
    let end = path.hasSuffix("/") ? String(path.dropLast()) : path
    let temporary = "\(end).brake-\(ProcessIdentity.current.name)-\(temporaryNumber())"
    do {
      try write(temporary)
      try files.rename(temporary, to: end)
    } catch {
      files.removeAll(temporary)
      throw error
    }
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
        throw ArtefactError(.refused, "the tree \(digest) is nested deeper than \(Tree.depthLimit) folders")
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
          throw ArtefactError(
            .refused,
            "the tree \(digest) unfolds to more than \(Tree.fileLimit) files or \(Tree.depthLimit) levels")
        }
      }
      known[digest] = total
      return total
    }
    _ = try visit(digest, 1)
  }

  private func sizeMismatch(_ entry: Tree.Entry) -> ArtefactError {
    ArtefactError(
      .refused, "a tree says that '\(entry.name)' has \(entry.size) bytes, but \(entry.digest) has not")
  }
}
