import Artefacts
import Glibc
import System

/// Signs requests to an S3 service (AWS Signature Version 4, as its documentation describes it: "Signature Calculations for
/// the Authorization Header").
struct S3Signer: Sendable {
  let credentials: S3Credentials
  let region: String

  /// The headers that make a request believed.
  func headers(for request: WebRequest) -> [String] {
    var seconds = time(nil)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    return headers(for: request, at: S3Signer.text(parts))
  }

  /// - Parameters:
  ///   - moment: `20130524T000000Z`.
  ///   - payload: the digits of the digest of what is sent, or that nobody has it before it is sent. Whoever reads an object
  ///     checks it anyway.
  func headers(for request: WebRequest, at moment: String, payload: String = "UNSIGNED-PAYLOAD") -> [String] {
    let rest = request.url.drop { $0 != ":" }.dropFirst(3)
    let authority = rest.prefix { $0 != "/" && $0 != "?" }
    let target = rest.dropFirst(authority.count)
    // The usual port is not part of what a client says of the host.
    let usual = request.url.hasPrefix("https:") ? ":443" : ":80"
    let host = authority.hasSuffix(usual) ? authority.dropLast(usual.count) : authority
    let path = target.prefix { $0 != "?" }
    let query = target.dropFirst(path.count + 1).split(separator: "&").sorted().joined(separator: "&")
    var signed = [("host", String(host)), ("x-amz-content-sha256", payload), ("x-amz-date", moment)]
    if let token = credentials.token { signed.append(("x-amz-security-token", token)) }
    let names = signed.map(\.0).joined(separator: ";")
    let canonical =
      ([request.method, path.isEmpty ? "/" : String(path), query] + signed.map { "\($0.0):\($0.1)" } + [
        "", names, payload,
      ])
      .joined(separator: "\n")
    let day = moment.prefix(8)
    let scope = "\(day)/\(region)/s3/aws4_request"
    let text = "AWS4-HMAC-SHA256\n\(moment)\n\(scope)\n\(Digest(of: Array(canonical.utf8)).hex)"
    var key = Array("AWS4\(credentials.secret)".utf8)
    for part in [String(day), region, "s3", "aws4_request", text] {
      key = Digest.authenticating(part, with: key)
    }
    return signed.dropFirst().map { "\($0.0): \($0.1)" } + [
      "Authorization: AWS4-HMAC-SHA256 Credential=\(credentials.key)/\(scope), SignedHeaders=\(names), "
        + "Signature=\(key.hexadecimal)"
    ]
  }

  private static func text(_ moment: tm) -> String {
    func digits(_ value: Int32, _ count: Int) -> String {
      let text = String(value)
      return String(repeating: "0", count: max(0, count - text.count)) + text
    }
    return digits(moment.tm_year + 1900, 4) + digits(moment.tm_mon + 1, 2) + digits(moment.tm_mday, 2) + "T"
      + digits(moment.tm_hour, 2) + digits(moment.tm_min, 2) + digits(moment.tm_sec, 2) + "Z"
  }
}

extension Digest {
  /// HMAC-SHA-256 (RFC 2104).
  static func authenticating(_ text: String, with key: [UInt8]) -> [UInt8] {
    var block = key.count > 64 ? Digest(of: key).bytes : key
    block += [UInt8](repeating: 0, count: 64 - block.count)
    let inner = Digest(of: block.map { $0 ^ 0x36 } + Array(text.utf8)).bytes
    return Digest(of: block.map { $0 ^ 0x5C } + inner).bytes
  }
}

extension [UInt8] {
  fileprivate var hexadecimal: String {
    reduce(into: "") { text, byte in
      let digits = String(byte, radix: 16)
      text += digits.count < 2 ? "0" + digits : digits
    }
  }
}
