public import JSON

/// What a manifest says of the Python environment of its command.
public enum PythonIdentity {
  /// For people, in a line: the interpreter and how much is installed; nil if it had no environment of its own.
  public static func words(in manifest: JSON) -> String? {
    guard let python = manifest["python"], let interpreter = python["interpreter"]?.string else { return nil }
    let count = python["packages"]?.object?.count ?? 0
    return "\(interpreter), \(count) \(count == 1 ? "package" : "packages")"
  }
}
