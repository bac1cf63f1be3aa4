import Glibc

/// How much memory this process may use.
public enum MachineMemory {
  /// Bytes: what the machine has, or less where this process's control group, such as a container's, allows less.
  public static let available: Int = {
    let pages = sysconf(Int32(_SC_PHYS_PAGES))
    let size = sysconf(Int32(_SC_PAGESIZE))
    let all = pages > 0 && size > 0 ? pages * size : .max
    return min(all, ControlGroup().memory ?? .max)
  }()
}
