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
    folders(of: "memory").flatMap { folder in
      // Where there is no limit, it is `max` or a number near the largest that there is.
      ["memory.max", "memory.limit_in_bytes"].compactMap {
        words(folder + "/" + $0).first.flatMap { Int($0) }
      }
    }.filter { $0 > 0 }.min()
  }

  /// The least processors that this process's group and those above it allow, of what a quota gives of their time rounded up; nil
  /// where there is no limit.
  var processors: Int? {
    folders(of: "cpu").flatMap { folder in
      [
        words(folder + "/cpu.max"),
        words(folder + "/cpu.cfs_quota_us") + words(folder + "/cpu.cfs_period_us"),
      ].compactMap(ControlGroup.processors)
    }.min()
  }

  /// - Parameter words: so many microseconds in so many; `max` or -1 for no limit.
  private static func processors(_ words: [Substring]) -> Int? {
    guard words.count == 2, let quota = Int(words[0]), let period = Int(words[1]), quota > 0, period > 0
    else {
      return nil
    }
    return (quota - 1) / period + 1
  }

  /// The folders of this process's group and of those above it, where a controller has its files if there are any.
  private func folders(of controller: String) -> [String] {
    let lines = text(membership, limit: 1 << 16)?.split(separator: "\n") ?? []
    return lines.flatMap { line -> [String] in
      // 4:memory:/a/b in the first version, 0::/a/b in the second.
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      guard parts.count == 3, parts[2].hasPrefix("/") else { return [] }
      let group = String(parts[2])
      if parts[1].isEmpty {
        return ControlGroup.above(group, in: hierarchy)
          + ControlGroup.above(group, in: hierarchy + "/unified")
      }
      guard parts[1].split(separator: ",").contains(controller[...]) else { return [] }
      return ControlGroup.above(group, in: hierarchy + "/" + controller)
    }
  }

  /// A group's folder and those above it.
  private static func above(_ group: String, in mount: String) -> [String] {
    var folders: [String] = []
    var folder = group
    while true {
      folders.append(mount + (folder == "/" ? "" : folder))
      if folder == "/" { return folders }
      folder = parentFolder(of: folder)
      if folder.isEmpty { folder = "/" }
    }
  }

  private func words(_ path: String) -> [Substring] {
    text(path, limit: 256)?.split(whereSeparator: \.isWhitespace) ?? []
  }

  private func text(_ path: String, limit: Int) -> String? {
    (try? ControlGroup.files.contents(of: path, limit: limit)).map { String(decoding: $0, as: UTF8.self) }
  }
}
