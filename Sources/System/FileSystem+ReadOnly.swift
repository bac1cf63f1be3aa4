extension FileSystem {
  /// Takes from everybody the right to write to a file, or to a folder and all that is in it.
  package func makeReadOnly(_ path: String) throws(Failure) {
    guard let status = try entry(path), !status.isLink else { return }
    if status.isFolder {
      for name in try names(in: path) { try makeReadOnly(path + "/" + name) }
      try setMode(path, to: 0o555)
    } else {
      try setMode(path, to: status.isExecutable ? 0o555 : 0o444)
    }
  }
}
