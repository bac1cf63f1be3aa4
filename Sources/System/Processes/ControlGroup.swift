/// The control groups that this process is in, and what they allow it.
struct ControlGroup {
  /// `/sys/fs/cgroup`, where the groups are mounted.
  var hierarchy = "/sys/fs/cgroup"
  /// `/proc/self/cgroup`, which says in which of them this process is.
  var membership = "/proc/self/cgroup"

  private static let files = LocalFileSystem()

  /// The least that this process's group and those above it allow of memory, in bytes; nil where there is no limit.
  ///
  /// Both versions of control groups are asked, which one machine may have side by side.
  var memory: Int? {
    let lines = text(membership, limit: 1 << 16)?.split(separator: "\n") ?? []
    var limits: [Int] = []
    for line in lines {
      // 4:memory:/a/b in the first version, 0::/a/b in the second.
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3, parts[2].hasPrefix("/") else { continue }
      if parts[1].isEmpty {
        for mount in ["", "/unified"] { limits += values(of: "memory.max", from: mount, String(parts[2])) }
      } else if parts[1].split(separator: ",").contains("memory") {
        limits += values(of: "memory.limit_in_bytes", from: "/memory", String(parts[2]))
      }
    }
    return limits.min()
  }

  /// What a file says in a group and those above it, as far as it says a number.
  private func values(of file: String, from mount: String, _ group: String) -> [Int] {
    var folder = group
    var values: [Int] = []
    while true {
      let path = hierarchy + mount + (folder == "/" ? "" : folder) + "/" + file
      // Where there is no limit, it is `max` or a number near the largest that there is.
      if let value = text(path, limit: 256).flatMap({ Int($0.filter { !$0.isWhitespace }) }), value > 0 {
        values.append(value)
      }
      if folder == "/" { return values }
      folder = parentFolder(of: folder)
      if folder.isEmpty { folder = "/" }
    }
  }

  private func text(_ path: String, limit: Int) -> String? {
    (try? ControlGroup.files.contents(of: path, limit: limit)).map { String(decoding: $0, as: UTF8.self) }
  }
}
