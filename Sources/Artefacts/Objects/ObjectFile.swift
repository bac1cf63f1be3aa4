internal import System

/// An open object file whose header and footer have been checked.
final class ObjectFile: Sendable {
  let file: InputFile
  let footer: ObjectFooter

  init(_ file: consuming InputFile) throws {
    var header = [UInt8](repeating: 0, count: ObjectFormat.headerLength)
    try header.withUnsafeMutableBytes { try file.readStored(into: $0, at: 0) }
    if ObjectFormat.isNewer(header: header) {
      throw Failure.newer("\(file.path), in version \(header[13]) of the object format,")
    }
    footer = try ObjectFooter(of: file)
    guard header == ObjectFormat.header else {
      throw Damage("it does not start as an object")
    }
    self.file = file
  }

  /// Opens the file of an object and checks that its footer names that object.
  convenience init(_ file: consuming InputFile, as digest: Digest) throws {
    try self.init(file)
    if footer.digest != digest { throw Damage("it is the object \(footer.digest)") }
  }
}

/// The object that another one is stored as a difference from cannot be had. Nothing is wrong with that other one.
struct LostBase: Error {
  let base: Digest
  let cause: Failure

  /// The error for who asked for the object that needs it.
  /// - Parameter place: where that object is.
  func failure(of digest: Digest, in place: String) -> Failure {
    Failure(
      .unreadable,
      "the object \(digest) in \(place) cannot be read, and stays where it is: its base \(base) is lost: "
        + cause.headline,
      hint: cause.hint ?? "put the file that the base came from again", object: digest, cause: cause)
  }
}

/// Where the files of bases are found.
struct BaseSource: Sendable {
  /// - Throws: a `Failure` if there is no such file.
  let open: @Sendable (Digest) throws -> InputFile
  /// Moves a damaged file out of the way where it is one of a store's own.
  /// - Returns: what is wrong.
  let damaged: @Sendable (Digest, FileStatus, Damage) -> Failure
}

extension Store {
  var bases: BaseSource {
    BaseSource(
      open: { digest in
        if let file = try self.openLooseObject(digest) { return file }
        // It may have been set aside as if nothing needed it.
        if self.takeBack(digest), let file = try self.openLooseObject(digest) { return file }
        throw self.missing(digest)
      }, damaged: { self.quarantine($0, $1, $2.reason) })
  }
}
