package import Glibc

package enum ProcessTree {
  static func hasChildren(_ process: pid_t) -> Bool {
    let files = LocalFileSystem()
    return ((try? files.names(in: "/proc/\(process)/task")) ?? []).contains { thread in
      (try? files.contents(of: "/proc/\(process)/task/\(thread)/children", limit: 1 << 20))?.isEmpty == false
    }
  }

  /// All children of a process, their children and so on. Whoever is born meanwhile may be missing.
  package static func descendants(of process: pid_t) -> [pid_t] {
    let files = LocalFileSystem()
    var found: [pid_t] = []
    var open = [process]
    while let next = open.popLast() {
      for thread in (try? files.names(in: "/proc/\(next)/task")) ?? [] {
        guard let bytes = try? files.contents(of: "/proc/\(next)/task/\(thread)/children", limit: 1 << 20)
        else { continue }
        let children = String(decoding: bytes, as: UTF8.self).split(separator: " ").compactMap { pid_t($0) }
        found += children
        open += children
      }
    }
    return found
  }
}
