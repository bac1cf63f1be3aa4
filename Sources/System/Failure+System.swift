internal import Glibc

/// Why a system call failed.
package struct ErrorNumber: Error, Hashable {
  package let rawValue: Int32
}

extension Failure {
  /// Of the system call that failed, where it comes from one.
  package var errno: Int32? { cause(ErrorNumber.self)?.rawValue }

  /// Whether this user may not write there, now or later.
  package var isForbidden: Bool { errno.map([EROFS, EACCES, EPERM].contains) ?? false }

  /// Whether the disk is full, or what this user may have of it.
  package var isFull: Bool { errno == ENOSPC || errno == EDQUOT }

  package init(_ code: Code, _ headline: String, hint: String? = nil, errno: Int32) {
    self.init(code, headline, hint: hint, cause: ErrorNumber(rawValue: errno))
  }

  /// The system call that has just failed, and was to read or look at something.
  package static func unreadable(_ verb: String, _ path: String) -> Failure {
    let failure = system(verb, path)
    // Too few descriptors, or too little memory, say nothing of the file.
    if failure.code == .notFound || [EMFILE, ENFILE, ENOMEM].contains(failure.errno) { return failure }
    return Failure(.unreadable, failure.headline, hint: failure.hint, cause: failure.cause)
  }

  /// The system call that has just failed.
  package static func system(_ verb: String, _ path: String) -> Failure { system(verb, path, Glibc.errno) }

  /// A system call that failed: `cannot write PATH: No space left on device`, and what can be done about it.
  /// - Parameter code: an `errno`.
  package static func system(_ verb: String, _ path: String, _ code: Int32) -> Failure {
    let hint: String? =
      switch code {
      case ENOSPC, EDQUOT: "free some space and run it again: what was finished before is kept"
      case EACCES, EPERM: "check the permissions"
      case EROFS: "the file system is mounted read-only"
      case EMFILE, ENFILE: "raise the limit of open files (ulimit -n)"
      default: nil
      }
    return Failure(
      code == ENOENT ? .notFound : .system, "cannot \(verb) \(path): \(String(cString: strerror(code)))",
      hint: hint, errno: code)
  }
}
