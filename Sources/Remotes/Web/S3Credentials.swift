import JSON
import System

/// What one is known by to an S3 service.
struct S3Credentials: Hashable, Sendable {
  let key: String
  let secret: String
  let token: String?
  /// Seconds since 1970 from which on they do not count any more; nil for those that stay.
  let end: Int?
  /// What errors call the place where they were found.
  var source: String?

  /// From the first place that has some: the environment, a profile of the user's files or the program that it names, the service of
  /// a container, the service of a machine in Amazon's cloud.
  static func found(files: any FileSystem = LocalFileSystem()) throws -> S3Credentials {
    if let key = Environment["AWS_ACCESS_KEY_ID"], let secret = Environment["AWS_SECRET_ACCESS_KEY"] {
      return S3Credentials(
        key: key, secret: secret, token: Environment["AWS_SESSION_TOKEN"],
        source: "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    }
    let profile = Environment["AWS_PROFILE"] ?? "default"
    let home = Environment["HOME"] ?? ""
    let places = [
      (Environment["AWS_SHARED_CREDENTIALS_FILE"] ?? home + "/.aws/credentials", profile),
      (
        Environment["AWS_CONFIG_FILE"] ?? home + "/.aws/config",
        profile == "default" ? profile : "profile \(profile)"
      ),
    ]
    for (path, section) in places {
      guard let bytes = try files.contents(of: path, limit: 1 << 20) else { continue }
      let values = S3Profile.values(of: section, in: String(decoding: bytes, as: UTF8.self))
      let source = "the profile '\(profile)' in \(path)"
      if var found = S3Credentials(profile: values) {
        found.source = source
        return found
      }
      if let line = values["credential_process"] {
        var found = try S3CredentialProcess(line, of: source).credentials()
        found.source = "the program that \(source) names"
        return found
      }
    }
    var reason = "neither in the environment nor for the profile '\(profile)' in \(places[0].0)"
    // Whoever names a profile wants no other.
    if Environment["AWS_PROFILE"] == nil {
      if let service = try S3CredentialService.ofContainer(files: files) {
        var found = try service.credentials()
        found.source = "the role of this container"
        return found
      }
      if Environment["AWS_EC2_METADATA_DISABLED"]?.lowercased() != "true" {
        if var found = try S3CredentialService.ofMachine() {
          found.source = "the role of this machine"
          return found
        }
        reason += ", and this machine has no service that gives any"
      }
    }
    throw Failure(
      .remote, "there are no credentials for S3: \(reason)",
      hint: "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE")
  }

  init(key: String, secret: String, token: String? = nil, end: Int? = nil, source: String? = nil) {
    (self.key, self.secret, self.token, self.end, self.source) = (key, secret, token, end, source)
  }

  /// Those that stand in a profile.
  init?(profile values: [String: String]) {
    guard let key = values["aws_access_key_id"], let secret = values["aws_secret_access_key"] else {
      return nil
    }
    self.init(key: key, secret: secret, token: values["aws_session_token"], end: nil)
  }

  /// What a service says: `{"AccessKeyId":…,"SecretAccessKey":…,"Token":…,"Expiration":"2026-11-21T14:03:05Z"}`.
  /// - Parameter token: what it calls the token.
  init?(json: String, token: String = "Token") {
    guard let json = try? JSON(parsing: Array(json.utf8)), let key = json["AccessKeyId"]?.string,
      let secret = json["SecretAccessKey"]?.string,
      [key, secret, json[token]?.string ?? ""].allSatisfy({ $0.utf8.allSatisfy { 33...126 ~= $0 } }),
      !key.isEmpty, !secret.isEmpty
    else { return nil }
    var end: Int?
    if let text = json["Expiration"]?.string {
      guard let moment = WebMoment.secondsOfISO(text) else { return nil }
      end = moment
    }
    self.init(key: key, secret: secret, token: json[token]?.string, end: end)
  }
}
