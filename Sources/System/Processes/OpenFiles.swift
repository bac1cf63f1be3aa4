import Glibc

/// How many files this process may have open, and how many an action needs.
package enum OpenFiles {
  /// An action that runs reads and writes a few files at once: its inputs, its outputs, objects on their way.
  package static let ofAction = 8
  /// For everything else: the store's own files, folders that are walked through, other programs' pipes.
  private static let reserve = 48

  package static var limit: Int {
    var limit = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
    return limit.rlim_cur > 1 << 20 ? 1 << 20 : Int(limit.rlim_cur)
  }

  /// What is left for actions.
  package static var room: Int {
    let open = (try? LocalFileSystem().names(in: "/proc/self/fd").count) ?? 16
    return max(0, limit - open - reserve)
  }
}
