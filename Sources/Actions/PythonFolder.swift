/// A Python environment as a command sees it that runs in it.
public struct PythonFolder: Sendable, Hashable {
  /// Absolute and without links.
  public let path: String
  /// Whether conda, mamba or micromamba made it; else it is a virtual environment.
  public let isConda: Bool

  public init(_ path: String, isConda: Bool = false) {
    self.path = path
    self.isConda = isConda
  }

  public var interpreter: String { path + "/bin/python3" }

  /// Lets programs be found in the environment first, as sourcing its `activate` does. What scripts of conda's packages set when it
  /// is activated is not set.
  public func activate(in variables: inout [String: String]) {
    if isConda {
      variables["CONDA_PREFIX"] = path
      // A virtual environment does not see what the user has installed at home, either.
      variables["PYTHONNOUSERSITE"] = "1"
    } else {
      variables["VIRTUAL_ENV"] = path
    }
    variables["PATH"] = searchPath(before: variables["PATH"])
  }

  /// - Parameter outside: what PATH is outside; nil for the usual folders.
  public func searchPath(before outside: String?) -> String {
    "\(path)/bin:\(outside ?? "/usr/local/bin:/usr/bin:/bin")"
  }
}
