public import Artefacts
import System

/// Hugging Face's hub, or another web server with the same paths (`HF_ENDPOINT`), as a source of published models.
public struct Hub: Sendable {
  private let endpoint: String
  let headers: [String]
  /// What one can do who is not let in.
  private let login: String

  /// With the user's `HF_ENDPOINT` and `HF_TOKEN`.
  public init() throws {
    try self.init(
      endpoint: Environment["HF_ENDPOINT"] ?? "https://huggingface.co", token: Environment["HF_TOKEN"])
  }

  init(endpoint: String, token: String?) throws {
    let host = endpoint.drop { $0 != "/" }.dropFirst(2).prefix { $0 != "/" }
    guard endpoint.hasPrefix("https://") || endpoint.hasPrefix("http://"), !host.isEmpty, !host.contains("@"),
      !endpoint.contains("?"), !endpoint.contains("#"), endpoint.unicodeScalars.allSatisfy(\.isVisible)
    else {
      throw Failure(
        .malformed, "HF_ENDPOINT is no web address without names, passwords and questions",
        hint: "set it to one such as https://huggingface.co, or remove it")
    }
    guard token?.utf8.allSatisfy({ 33...126 ~= $0 }) != false else {
      throw Failure(
        .malformed, "HF_TOKEN holds what no token holds", hint: "copy it again from the hub's settings")
    }
    self.endpoint = endpoint.hasSuffix("/") ? String(endpoint.dropLast()) : endpoint
    // Nobody on the way is to read it. libcurl does not hand it on where the server leads to another one.
    let isPrivate =
      endpoint.hasPrefix("https:") || ["127.0.0.1", "localhost"].contains(host.prefix { $0 != ":" })
    headers = isPrivate ? token.map { ["Authorization: Bearer \($0)"] } ?? [] : []
    login =
      isPrivate || token == nil
      ? "check the name; for a model that is not open to all, set HF_TOKEN and accept its conditions on the hub"
      : "HF_TOKEN is not sent over http, where others can read it: set HF_ENDPOINT to an address with https"
  }

  /// Puts a model, or a file of one, into a store.
  /// - Returns: what it is there, and its address with the commit, if the server tells that.
  public func fetch(
    _ address: HubAddress, into store: Store, progress: TransferProgress = TransferProgress()
  ) async throws -> (artefact: Artefact, address: HubAddress) {
    let publication = store.publication()
    let path = try publication.newPath()
    defer { store.files.removeAll(path) }
    let download = HubDownload(
      address, endpoint: endpoint, headers: headers, login: login, folder: path, files: store.files,
      progress: progress)
    if let file = address.file {
      guard try await download.fetch([(file, path)]).contains(file) else { throw download.missing(file) }
    } else {
      try store.files.makeFolder(path)
      try await download.fetchModel()
    }
    let artefact = try publication.add(path: path)
    try publication.commit()
    var exact = address
    exact.revision = download.commit ?? address.revision
    return (artefact, exact)
  }
}
