import System

/// What can be wrong with an image.
enum ImageFault {
  static func malformed(_ what: String, _ hint: String = saveIt) -> Failure {
    Failure(.malformed, "the container image cannot be read: \(what)", hint: hint)
  }

  private static let saveIt =
    "save it anew, as with skopeo copy docker://NAME oci-archive:image.tar, or docker save NAME -o image.tar"

  /// What is wrong with an archive is wrong with the image, and with the part of it that the archive is.
  static func reading<Result>(part: String? = nil, _ body: () throws -> Result) throws -> Result {
    func named(_ what: String) -> String { part.map { "\($0): \(what)" } ?? what }
    do { return try body() } catch let error as Failure where error.code == .malformed && error.hint == nil {
      throw malformed(named(error.headline))
    } catch let error as Failure where error.code == .refused && error.hint != lookAtIt {
      throw Failure(
        .refused, "the container image cannot be unpacked: \(named(error.headline))",
        hint: error.hint ?? "make it anew with another program: none of those that are in use writes that")
    }
  }

  static func damaged(_ what: String) -> Failure {
    Failure(
      .malformed, "the container image is damaged: \(what)",
      hint: "save or copy it anew: its bytes are not those that it says that they are")
  }

  static func refused(_ what: String) -> Failure {
    Failure(
      .refused, "the container image holds what no image should: \(what)",
      hint: lookAtIt)
  }

  private static let lookAtIt = "nothing was written outside of the folder for it; look where it comes from"
}
