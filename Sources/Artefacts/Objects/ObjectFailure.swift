public import System

/// The object that a failure is about: missing, damaged, or one that cannot be read.
struct ObjectFailure: Caused {
  let object: Digest
  /// The tree that was asked for, where the object is one that it names.
  let tree: Digest?
  let cause: (any Error)?
}

extension Failure.Code {
  /// The bytes are not what their name or checksum says.
  public static let damaged = Self("damaged")
  /// In a later version of a format than this brake knows. Never touched: a newer brake can read it.
  public static let newer = Self("newer")
  /// A digest prefix that is malformed, too short or fits several objects.
  public static let ambiguous = Self("ambiguous")
}

extension Failure {
  package init(
    _ code: Code, _ headline: String, facts: [Fact] = [], hint: String?, object: Digest,
    cause: (any Error)? = nil
  ) {
    self.init(
      code, headline, facts: facts, hint: hint, cause: ObjectFailure(object: object, tree: nil, cause: cause))
  }

  /// The object that is missing, damaged or cannot be read, where the failure is about one.
  public var object: Digest? { cause(ObjectFailure.self)?.object }
  /// The tree that was asked for, where the object is one that it names.
  public var tree: Digest? { cause(ObjectFailure.self)?.tree }

  /// Whether it says that an object's bytes cannot be had.
  package var isLoss: Bool { code == .damaged || code == .notFound }

  /// The failure as it is for someone who asked for a tree.
  func inside(_ tree: Digest) -> Failure {
    guard let part = cause(ObjectFailure.self), part.object != tree else { return self }
    return Failure(
      code, headline, facts: facts, hint: hint,
      cause: ObjectFailure(object: part.object, tree: tree, cause: part.cause))
  }
}
