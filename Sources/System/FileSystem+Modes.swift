extension FileSystem {
  /// Gives a file, or a folder and all that is in it, the modes that most have, whatever the user's umask: 644 and 755. Who may
  /// read it can copy it, and write to the copy.
  package func setUsualModes(_ path: String) throws(Failure) {
    guard let status = try entry(path), !status.isLink else { return }
    try setMode(path, to: status.isFolder || status.isExecutable ? 0o755 : 0o644)
    guard status.isFolder else { return }
    for name in try names(in: path) { try setUsualModes(path + "/" + name) }
  }
}
