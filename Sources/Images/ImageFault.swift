import System

/// What can be wrong with an image.
enum ImageFault {
  static func malformed(_ what: String) -> Failure {
    Failure(
      .malformed, "the container image cannot be read: \(what)",
      hint:
        "save it anew, as with skopeo copy docker://NAME oci-archive:image.tar, or docker save NAME -o image.tar"
    )
  }

  /// What is wrong with an archive is wrong with the image.
  static func reading<Result>(_ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error as Failure where error.code == .malformed {
      throw malformed(error.headline)
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
      hint: "nothing was written outside of the folder for it; look where it comes from")
  }
}
