import Artefacts
public import System

/// Where another place is.
///
///     /path, file:///path              a folder, on this machine or on a network's file system
///     ssh://[user@]host[:port]/path    a store on a machine that has brake and is reached by ssh (/~/path from the home)
///     sftp://[user@]host[:port]/path   a store on a machine that has no brake and is reached by ssh
///     http(s)://host[:port]/path       a web server; to write, one with WebDAV
///     s3://bucket[/path]               an S3 service: Amazon's, or that of AWS_ENDPOINT_URL or ?endpoint=URL; its address and the
///                                      region and style of requests may follow: ?endpoint=URL&region=NAME&style=host
public struct RemoteAddress: Hashable, Sendable, CustomStringConvertible {
  public let description: String
  private let kind: Kind

  private enum Kind: Hashable, Sendable {
    case folder(String)
    case web(String)
    case ssh(host: String, port: String?, path: String)
    case sftp(host: String, port: String?, path: String)
    case s3(bucket: String, path: String, S3Service)
  }

  /// - Throws: `.malformed` for what is no address of these kinds, or holds a password.
  public init(_ text: String) throws(Failure) {
    var text = text
    while text.count > 1, text.hasSuffix("/") { text.removeLast() }
    description = text
    guard text.utf8.count <= 2048, text.unicodeScalars.allSatisfy(\.isVisible), !text.isEmpty
    else { throw RemoteAddress.malformed(text, "it is empty, too long, or holds control characters") }
    guard let colon = text.firstIndex(of: ":"), text[colon...].hasPrefix("://") else {
      guard text.hasPrefix("/") || text.hasPrefix(".") else {
        throw RemoteAddress.malformed(text, "it is neither an absolute path nor has it a scheme")
      }
      kind = .folder(text)
      return
    }
    let scheme = text[..<colon]
    let rest = text[colon...].dropFirst(3)
    let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    let path = String(rest.dropFirst(authority.count))
    if RemoteAddress.holdsPassword(authority) {
      throw RemoteAddress.malformed(
        "\(scheme)://…", "it holds a password", hint: "put the password into ~/.netrc")
    }
    switch scheme {
    case "file":
      guard authority.isEmpty, let path = WebAddress.unescaped(path), path.hasPrefix("/") else {
        throw RemoteAddress.malformed(text, "file:// is followed by an absolute path")
      }
      kind = .folder(path)
    case "http", "https":
      guard !authority.isEmpty, !path.contains("?"), !path.contains("#") else {
        throw RemoteAddress.malformed(text, "a host and a path are expected")
      }
      kind = .web(text)
    case "ssh", "sftp":
      let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
      guard parts.count <= 2, let host = parts.first, !host.isEmpty, !host.hasPrefix("-"), path.count > 1,
        parts.count < 2 || UInt16(parts[1]) != nil
      else { throw RemoteAddress.malformed(text, "a host and a path are expected: \(scheme)://host/path") }
      let port = parts.count == 2 ? String(parts[1]) : nil
      let place = path.hasPrefix("/~/") ? String(path.dropFirst(3)) : path
      kind =
        scheme == "ssh"
        ? .ssh(host: String(host), port: port, path: place)
        : .sftp(host: String(host), port: port, path: place)
    case "s3":
      let place = path.prefix { $0 != "?" }
      guard let service = S3Service(options: path.dropFirst(place.count + 1)) else {
        // What stands there may be a password.
        throw RemoteAddress.malformed(
          "s3://\(authority)…",
          "after ? only endpoint=URL, region=NAME and style=host or style=path are known, without names and passwords"
        )
      }
      guard !authority.isEmpty else {
        throw RemoteAddress.malformed(text, "a bucket is expected: s3://bucket/path")
      }
      kind = .s3(bucket: String(authority), path: String(place), service)
    case let other: throw RemoteAddress.malformed(text, "'\(other)' is no scheme that is known")
    }
  }

  /// Whether a host and port are preceded by a name with a password.
  private static func holdsPassword(_ authority: some StringProtocol) -> Bool {
    authority.lastIndex(of: "@").map { authority[..<$0].contains(":") } ?? false
  }

  private static func malformed(_ text: String, _ reason: String, hint: String? = nil) -> Failure {
    Failure(
      .malformed, "'\(text)' is no address of another place: \(reason)",
      hint: hint ?? "give /path, ssh://host/path, sftp://host/path, https://host/path or s3://bucket/path")
  }

  /// Whether somebody on another machine can use it.
  public var isShared: Bool { if case .folder = kind { false } else { true } }

  /// Whether it is a bucket of an S3 service. Brake asks it with keys alone, also where it is open to all.
  public var isBucket: Bool { if case .s3 = kind { true } else { false } }

  /// The same as others can use it: the path of a folder from the root of the file system, and of a bucket the service that keeps it as it
  /// is found from here, so that the environment of others does not say another one.
  public func absolute() throws -> RemoteAddress {
    try absolute(files: LocalFileSystem()) { Environment[$0] }
  }

  func absolute(files: any FileSystem, _ variable: (String) -> String?) throws -> RemoteAddress {
    switch kind {
    case .folder(let path):
      guard let real = try files.realPath(path) else { return self }
      return try RemoteAddress(real)
    case .s3(let bucket, let path, let service):
      return try RemoteAddress(
        "s3://\(bucket)\(path)" + service.completed(by: variable).complete(for: bucket).options)
    case .web, .ssh, .sftp: return self
    }
  }

  /// The place. Nothing is asked of it yet.
  /// - Parameter silence: seconds after which a web server or a bucket is given up for good if it says next to nothing, by who can do
  ///   without, who has less patience with other machines, too; nil for as much patience as there can be.
  public func open(silence: Int? = nil) throws -> any RemoteFiles {
    let patience = silence == nil ? PipeFiles.patience : PipeFiles.shortPatience
    switch kind {
    case .folder(let path): return StoreFiles(try Store(at: path), name: description)
    case .web(let url): return SegmentedFiles(WebFiles(url, name: description, silence: silence))
    case .ssh(let host, let port, let path):
      let there = Environment["BRAKE_REMOTE_BRAKE"] ?? "brake"
      return PipeFiles(
        RemoteAddress.shell(port) + [
          "-T", host, "\(there) serve-store --stdio --store \(ShellText.quoted(path))",
        ],
        name: description, patience: patience)
    case .sftp(let host, let port, let path):
      return SegmentedFiles(
        SFTPFiles(
          RemoteAddress.shell(port) + ["-s", host, "sftp"], root: path, name: description, patience: patience)
      )
    case .s3(let bucket, let path, let service):
      let service = service.completed()
      let region = service.region ?? S3Service.usualRegion
      let base: String
      do throws(S3Service.Fault) { base = try service.base(of: bucket, in: region) } catch {
        // An endpoint may hold a password.
        throw RemoteAddress.malformed("s3://\(bucket)…", error.reason)
      }
      return SegmentedFiles(
        WebFiles(
          base + WebAddress.escaped(path), name: description,
          bucket: S3Bucket(url: base, region: region, identity: S3Identity()), silence: silence))
    }
  }

  /// The command that connects, which reads what the user has set for ssh.
  private static func shell(_ port: String?) -> [String] {
    (Environment["BRAKE_SSH"].map { $0.split(separator: " ").map(String.init) } ?? ["ssh"])
      + ["-o", "ConnectTimeout=15", "-o", "ServerAliveInterval=15"] + (port.map { ["-p", $0] } ?? [])
  }
}
