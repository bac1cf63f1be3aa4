/// Which S3 service a bucket is kept by, and how it is asked: what may follow the address of a bucket.
struct S3Service: Hashable, Sendable {
  /// The address of the service; nil for Amazon's.
  var endpoint: String?
  var region: String?
  var style: Style?

  /// Where a request names the bucket.
  enum Style: String {
    /// `https://bucket.service/key`
    case host
    /// `https://service/bucket/key`
    case path
  }

  struct Fault: Error {
    let reason: String
  }

  /// - Parameter options: `endpoint=URL&region=NAME&style=host`, as far as they are given.
  /// - Returns: nil for other options, and for what holds a name or password.
  init?(options: Substring) {
    for option in options.split(separator: "&") {
      let parts = option.split(separator: "=", maxSplits: 1)
      guard parts.count == 2, !parts[1].contains("@"), let value = WebAddress.unescaped(parts[1]) else {
        return nil
      }
      switch parts[0] {
      case "endpoint": endpoint = value
      case "region": region = value
      case "style":
        guard let style = Style(rawValue: value) else { return nil }
        self.style = style
      default: return nil
      }
    }
  }

  /// The same with what the user's environment says of it.
  func completed(by variable: (String) -> String? = { Environment[$0] }) -> S3Service {
    var service = self
    service.endpoint = endpoint ?? variable("AWS_ENDPOINT_URL")
    service.region = region ?? variable("AWS_REGION") ?? variable("AWS_DEFAULT_REGION")
    return service
  }

  /// The same with nothing left for the environment of whoever reads it to say.
  func complete(for bucket: String) -> S3Service {
    var service = self
    let region = region ?? S3Service.usualRegion
    service.region = region
    if endpoint == nil {
      service.style = style(for: bucket)
      service.endpoint = S3Service.amazon(in: region)
    }
    return service
  }

  /// That of a bucket of which nobody says one.
  static let usualRegion = "us-east-1"

  private static func amazon(in region: String) -> String { "https://s3.\(region).amazonaws.com" }

  /// Without a style Amazon's is asked by host, since newer regions know no other way, and others by path; so is a bucket with a dot in its
  /// name, since no certificate is for its host.
  private func style(for bucket: String) -> Style {
    style ?? (endpoint == nil && !bucket.contains(".") ? .host : .path)
  }

  /// What follows the address of a bucket: nothing, or `?endpoint=URL&region=NAME&style=host`, as far as they are given.
  var options: String {
    let given = [("endpoint", endpoint), ("region", region), ("style", style?.rawValue)]
    let texts = given.compactMap { name, value in
      value.map { "\(name)=" + WebAddress.escaped($0).replacing("%3A", with: ":") }
    }
    return texts.isEmpty ? "" : "?" + texts.joined(separator: "&")
  }

  /// The address of a bucket, without a slash at its end.
  func base(of bucket: String, in region: String) throws(Fault) -> String {
    var service = endpoint ?? S3Service.amazon(in: region)
    guard service.hasPrefix("http://") || service.hasPrefix("https://") else {
      throw Fault(reason: "its endpoint is no web address")
    }
    while service.hasSuffix("/") { service.removeLast() }
    let scheme = service.prefix { $0 != "/" } + "//"
    let rest = service.dropFirst(scheme.count)
    if rest.prefix(while: { $0 != "/" }).contains("@") {
      throw Fault(reason: "its endpoint holds a name or password")
    }
    return style(for: bucket) == .host ? "\(scheme)\(bucket).\(rest)" : "\(service)/\(bucket)"
  }
}
