import Glibc

/// Where programs are.
public enum ProgramPath {
  /// The executable that a shell would run.
  ///
  /// - Parameter searchPath: instead of the user's PATH.
  public static func find(_ name: String, in searchPath: String? = nil) -> String? {
    let files = LocalFileSystem()
    if name.contains("/") { return files.mayExecute(name) ? name : nil }
    let folders = searchPath ?? getenv("PATH").map { String(cString: $0) } ?? "/usr/local/bin:/usr/bin:/bin"
    return folders.split(separator: ":").map { "\($0)/\(name)" }
      .first { files.mayExecute($0) && (try? files.status($0))?.isFolder == false }
  }
}
