/// Paths in the file system of an image, which has its own root.
///
/// To the kernel names are bytes. A `Character` of Swift can hold a slash and a sign that joins it, and two texts can be equal of other
/// bytes: here nothing is split or compared but bytes.
enum ImagePath {
  /// The names in a path, without `.`: the only place where paths are split.
  static func names(_ path: String) -> [String] {
    path.utf8.split(separator: slash).map { String(decoding: $0, as: UTF8.self) }.filter { $0 != "." }
  }

  static func isAbsolute(_ path: String) -> Bool { path.utf8.first == slash }

  /// The parts of a path from the root on, without `.` and with `..` taken away; above the root is the root.
  static func parts(_ path: String, in folder: some Sequence<String> = [String]()) -> [String] {
    var parts = isAbsolute(path) ? [] : Array(folder)
    for part in names(path) {
      if part == ".." { _ = parts.popLast() } else { parts.append(part) }
    }
    return parts
  }

  /// What makes two paths the same.
  static func bytes(_ parts: [String]) -> [UInt8] { Array(parts.joined(separator: "/").utf8) }

  /// Whether a name is that of one entry of a folder, and of nothing else.
  static func isName(_ name: String) -> Bool {
    !name.isEmpty && name != "." && name != ".." && !name.utf8.contains { $0 == slash || $0 == 0 }
  }

  private static let slash = UInt8(ascii: "/")
}
