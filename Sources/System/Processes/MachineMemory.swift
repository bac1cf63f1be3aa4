import Glibc

/// How much memory this process may use.
public enum MachineMemory {
  /// Bytes: what the machine has.
  public static let available: Int = {
    let pages = sysconf(Int32(_SC_PHYS_PAGES))
    let size = sysconf(Int32(_SC_PAGESIZE))
    return pages > 0 && size > 0 ? pages * size : .max
  }()
}

/// The graphics processors of this machine.
public enum Graphics {
  /// As many as `CUDA_VISIBLE_DEVICES` names, or there are device files of.
  public static let count: Int = {
    if let visible = getenv("CUDA_VISIBLE_DEVICES") {
      return String(cString: visible).split(separator: ",").count
    }
    let files = LocalFileSystem()
    let names = (try? files.names(in: "/dev")) ?? []
    let nvidia = names.count { $0.hasPrefix("nvidia") && Int($0.dropFirst(6)) != nil }
    if nvidia > 0 { return nvidia }
    let render = (try? files.names(in: "/dev/dri"))?.count { $0.hasPrefix("renderD") } ?? 0
    return (try? files.entry("/dev/kfd")) != nil ? render : 0
  }()
}
