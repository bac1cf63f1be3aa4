/// A Python environment as a command sees it that runs in it.
public enum PythonFolder {
  /// Lets programs be found in the environment first, as sourcing its `activate` does.
  ///
  /// - Parameter folder: absolute.
  public static func activate(_ folder: String, in variables: inout [String: String]) {
    variables["VIRTUAL_ENV"] = folder
    variables["PATH"] = searchPath(folder, before: variables["PATH"])
  }

  /// - Parameter path: what PATH is outside; nil for the usual folders.
  public static func searchPath(_ folder: String, before path: String?) -> String {
    "\(folder)/bin:\(path ?? "/usr/local/bin:/usr/bin:/bin")"
  }
}
