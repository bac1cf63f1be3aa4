import Glibc

/// The graphics processors of this machine, as `CUDA_VISIBLE_DEVICES` names them.
public enum Graphics {
  /// What brake itself was given in that variable; nil if it is not set.
  public static let given = getenv("CUDA_VISIBLE_DEVICES").map { String(cString: $0) }

  /// What brake itself was given in that variable, or a number for each that there is a device file of.
  public static let names: [String] = {
    if let given { return visible(given) }
    let files = LocalFileSystem()
    let devices = (try? files.names(in: "/dev")) ?? []
    var count = devices.count { $0.hasPrefix("nvidia") && Int($0.dropFirst(6)) != nil }
    if count == 0, (try? files.entry("/dev/kfd")) != nil {
      count = (try? files.names(in: "/dev/dri"))?.count { $0.hasPrefix("renderD") } ?? 0
    }
    return (0..<count).map(String.init)
  }()

  /// The names in a list, up to the first that names none, as the driver reads it.
  static func visible(_ list: String) -> [String] {
    let names = list.split(separator: ",", omittingEmptySubsequences: false).map {
      String($0.filter { !$0.isWhitespace })
    }
    var seen: Set<String> = []
    return Array(names.prefix { !$0.isEmpty && !$0.hasPrefix("-") && seen.insert($0).inserted })
  }
}
