import System

/// A bucket of an S3 service, and who asks for what is in it.
struct S3Bucket: Sendable {
  /// Its address, without a slash at its end.
  let url: String
  let region: String
  let identity: S3Identity
  /// Bytes above which an object is sent in parts, and bytes of a part where S3 does not ask for longer ones.
  var part = 64 << 20

  /// Signs a request with what one is known by at this moment.
  func sign(_ request: inout WebRequest) throws -> S3Credentials {
    let credentials = try identity.current()
    request.isSigned = true
    request.headers += S3Signer(credentials: credentials, region: region).headers(for: request)
    return credentials
  }

  /// What stands below an address of the bucket without the address of the bucket, as S3 knows it.
  func key(of url: String) -> String? {
    guard url.hasPrefix(self.url + "/") else { return nil }
    return WebAddress.unescaped(url.dropFirst(self.url.count + 1))
  }
}
