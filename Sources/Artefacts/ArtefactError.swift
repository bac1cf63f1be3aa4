internal import Glibc

/// What went wrong in a store, and how to mend it.
public struct ArtefactError: Error, CustomStringConvertible {
  public enum Code: String, Sendable {
    /// No such file, object, record or reference.
    case notFound
    /// The bytes are not what their name or checksum says.
    case damaged
    /// Something from outside that cannot be accepted: a manifest that leaves its folder, a size beyond the bound.
    case refused
    /// In a later version of a format than this brake knows. Never touched: a newer brake can read it.
    case newer
    /// A digest prefix that is malformed, too short or fits several objects.
    case ambiguous
    /// It is there, and the system could not read it: nothing is known of its bytes.
    case unreadable
    /// The system refused a call.
    case system
  }

  public let code: Code
  public let message: String
  /// What the reader can do about it, as a sentence without a full stop.
  public let remedy: String?
  /// `errno` of the system call that failed, where one did.
  public let errno: Int32?
  /// The object that is missing, damaged or cannot be read, where the error is about one.
  public let object: Digest?
  /// The tree that was asked for, where the object is one that it names.
  public private(set) var tree: Digest?

  public init(
    _ code: Code, _ message: String, remedy: String? = nil, errno: Int32? = nil, object: Digest? = nil
  ) {
    self.object = object
    self.code = code
    self.message = message
    self.remedy = remedy
    self.errno = errno
  }

  /// One line for the message and one for the remedy, whatever names they are made of.
  public var description: String {
    message.visible() + (remedy.map { "\n  hint: \($0.visible())" } ?? "")
  }
}

extension ArtefactError {
  /// Whether it says that an object's bytes cannot be had.
  var isLoss: Bool { code == .damaged || code == .notFound }

  /// The error as it is for someone who asked for a tree.
  func inside(_ tree: Digest) -> ArtefactError {
    if object == nil || object == tree { return self }
    var error = self
    error.tree = tree
    return error
  }

  /// The system call that has just failed, and was to read or look at something.
  static func unreadable(_ verb: String, _ path: String) -> ArtefactError {
    let error = system(verb, path)
    // Too few descriptors, or too little memory, say nothing of the file.
    if error.code == .notFound || [EMFILE, ENFILE, ENOMEM].contains(error.errno) { return error }
    return ArtefactError(.unreadable, error.message, remedy: error.remedy, errno: error.errno)
  }

  /// The system call that has just failed.
  static func system(_ verb: String, _ path: String) -> ArtefactError { system(verb, path, Glibc.errno) }

  /// A system call that failed: `cannot write PATH: No space left on device`, and what can be done about it.
  /// - Parameter code: an `errno`.
  public static func system(_ verb: String, _ path: String, _ code: Int32) -> ArtefactError {
    let remedy: String? =
      switch code {
      case ENOSPC, EDQUOT: "free some space and run it again: what was finished before is kept"
      case EACCES, EPERM: "check the permissions"
      case EROFS: "the file system is mounted read-only"
      case EMFILE, ENFILE: "raise the limit of open files (ulimit -n)"
      default: nil
      }
    return ArtefactError(
      code == ENOENT ? .notFound : .system, "cannot \(verb) \(path): \(String(cString: strerror(code)))",
      remedy: remedy, errno: code)
  }
}
