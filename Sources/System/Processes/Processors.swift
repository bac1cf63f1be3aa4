import Glibc

/// How many processors this process may use.
public enum Processors {
  /// The smallest of what the machine has, what the process is bound to (a cpuset, `taskset`), what its control group may use
  /// (a container's quota), and what Slurm has allocated to the job's task.
  public static let available: Int = {
    var count = bound ?? max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)))
    if let quota = ControlGroup().processors { count = min(count, quota) }
    if let given = getenv("SLURM_CPUS_PER_TASK").flatMap({ Int(String(cString: $0)) }), given > 0 {
      count = min(count, given)
    }
    return max(1, count)
  }()

  /// `Cpus_allowed` of `/proc/self/status`: groups of hexadecimal digits, a bit a processor.
  private static var bound: Int? {
    guard let bytes = try? LocalFileSystem().contents(of: "/proc/self/status", limit: 1 << 16),
      let line = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        .first(where: { $0.hasPrefix("Cpus_allowed:") })
    else { return nil }
    let count = line.dropFirst(13).reduce(0) { $0 + ($1.hexDigitValue?.nonzeroBitCount ?? 0) }
    return count > 0 ? count : nil
  }
}
