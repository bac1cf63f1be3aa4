import System

/// A service beside a program in a cloud that says by what it is known to S3, for some hours at a time.
struct S3CredentialService {
  let url: String
  let header: String?

  /// Bytes of what it says, at most.
  private static let limit = 1 << 16

  /// That of a container, as `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` or `…_FULL_URI` tells; nil if neither does.
  /// - Throws: `.remote` for an address to which nobody should send a secret.
  static func ofContainer(files: any FileSystem) throws -> S3CredentialService? {
    let url: String
    if let path = Environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] {
      url = "http://169.254.170.2" + (path.hasPrefix("/") ? "" : "/") + path
    } else if let whole = Environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] {
      guard isTrusted(whole) else {
        throw Failure(
          .remote,
          "AWS_CONTAINER_CREDENTIALS_FULL_URI names neither this machine, nor a service of Amazon's, nor https",
          hint: "remove it from the environment, or correct it")
      }
      url = whole
    } else {
      return nil
    }
    var token = Environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
    if let path = Environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] {
      guard let bytes = try files.contents(of: path, limit: limit) else {
        throw Failure(
          .remote, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE names \(path), which is not there",
          hint: "remove it from the environment, or correct it")
      }
      token = String(String(decoding: bytes, as: UTF8.self).filter { !$0.isNewline })
    }
    // A line break would begin another header.
    guard token?.unicodeScalars.allSatisfy(\.isVisible) != false else {
      throw Failure(.remote, "the token for the container's credentials holds control characters")
    }
    return S3CredentialService(url: url, header: token.map { "Authorization: \($0)" })
  }

  /// Whether one may send a token there: over TLS to anybody, and else to this machine and the two addresses that Amazon's
  /// containers have for it.
  static func isTrusted(_ url: String) -> Bool {
    if url.hasPrefix("https://") { return true }
    guard url.hasPrefix("http://") else { return false }
    let authority = url.dropFirst(7).prefix { !"/?#".contains($0) }
    if authority.contains("@") { return false }
    let host =
      authority.hasPrefix("[")
      ? String(authority.dropFirst().prefix { $0 != "]" }) : String(authority.prefix { $0 != ":" })
    if ["localhost", "::1", "169.254.170.2", "169.254.170.23", "fd00:ec2::23"].contains(host) { return true }
    let numbers = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
    return numbers.count == 4 && numbers[0] == 127 && !numbers.contains(nil)
  }

  func credentials() throws -> S3Credentials {
    let client = WebClient(name: "the service for credentials at \(url)")
    var request = WebRequest(method: "GET", url: url, headers: header.map { [$0] } ?? [])
    request.isBesides = true
    request.seconds = 10
    let (answer, text) = try client.text(request, limit: S3CredentialService.limit)
    guard answer.isSuccess else {
      throw RemoteFailure.refused(
        client.name, "answers \(answer.status)", hint: "check the role of the container")
    }
    guard let found = S3Credentials(json: text) else {
      throw RemoteFailure.lying(client.name, "says something else than credentials")
    }
    return found
  }

  /// Those of a machine in Amazon's cloud, by the second version of its service; nil where there is none, which is found out
  /// within a second.
  static func ofMachine() throws -> S3Credentials? {
    let endpoint =
      Environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"]
      ?? (Environment["AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"]?.lowercased() == "ipv6"
        ? "http://[fd00:ec2::254]" : "http://169.254.169.254")
    let base = endpoint + (endpoint.hasSuffix("/") ? "" : "/") + "latest/"
    func ask(_ method: String, _ path: String, _ header: String, seconds: Int) throws -> (Int, String) {
      var text: [UInt8] = []
      var request = WebRequest(method: method, url: base + path, headers: [header])
      if method == "PUT" { request.body = 0 }
      request.isBesides = true
      request.seconds = seconds
      let answer = try WebHandle().perform(request) { piece, _ in
        guard piece.count <= limit - text.count else {
          throw RemoteFailure.lying(endpoint, "sends more than credentials have")
        }
        text += piece
      }
      return (answer.status, String(decoding: text, as: UTF8.self))
    }
    do {
      let (status, token) = try ask(
        "PUT", "api/token", "X-aws-ec2-metadata-token-ttl-seconds: 21600", seconds: 1)
      guard status == 200, token.utf8.allSatisfy({ 33...126 ~= $0 }) else { return nil }
      let header = "X-aws-ec2-metadata-token: \(token)"
      let path = "meta-data/iam/security-credentials/"
      let (found, roles) = try ask("GET", path, header, seconds: 5)
      guard found == 200, let role = roles.split(whereSeparator: \.isNewline).first else { return nil }
      let (_, text) = try ask("GET", path + WebAddress.escaped(String(role)), header, seconds: 5)
      guard let credentials = S3Credentials(json: text) else {
        throw RemoteFailure.lying(endpoint, "says something else than credentials")
      }
      return credentials
    } catch is WebBreak {
      return nil
    }
  }
}
