/// Paths in the file system of an image, which has its own root.
enum ImagePath {
  /// The parts of a path from the root on, without `.` and with `..` taken away; above the root is the root.
  static func parts(_ path: some StringProtocol, in folder: [String] = []) -> [String] {
    var parts = path.hasPrefix("/") ? [] : folder
    for part in path.split(separator: "/") where part != "." {
      if part == ".." { _ = parts.popLast() } else { parts.append(String(part)) }
    }
    return parts
  }

  static func joined(_ folder: String, _ path: String) -> String {
    parts(path, in: parts(folder)).joined(separator: "/")
  }
}
