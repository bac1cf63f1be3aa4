import Glibc

/// What the user's environment says; what is empty says nothing.
enum Environment {
  static subscript(_ name: String) -> String? {
    guard let value = getenv(name), value.pointee != 0 else { return nil }
    return String(cString: value)
  }
}
