import Artefacts
import JSON
import Synchronization
import System

/// The files of one revision of a model on their way into a folder.
final class HubDownload: Sendable {
  private let address: HubAddress
  private let base: String
  private let headers: [String]
  private let folder: String
  private let files: any FileSystem
  private let progress: TransferProgress
  private let client: WebClient
  private let told = Mutex<String?>(nil)

  /// What describes a model, and its tokeniser: as much of it as there is.
  private static let others = [
    "generation_config.json", "tokenizer.json", "tokenizer_config.json", "tokenizer.model", "vocab.json",
    "vocab.txt",
    "merges.txt", "special_tokens_map.json", "added_tokens.json",
  ]
  /// Bytes of a file, at most.
  private static let limit = 256 << 30
  /// Bytes of a file that is read at once, at most.
  private static let textLimit = 64 << 20
  private static let mostShards = 10_000
  private static let lanes = 4

  init(
    _ address: HubAddress, endpoint: String, headers: [String], login: String, folder: String,
    files: any FileSystem, progress: TransferProgress
  ) {
    self.address = address
    base = "\(endpoint)/\(address.model)/resolve/\(WebAddress.escaped(address.revision, slashes: false))"
    self.headers = headers
    self.folder = folder
    self.files = files
    self.progress = progress
    client = WebClient(name: "\(endpoint)/\(address.model)", login: login)
  }

  /// The commit of which the files are, if the server tells.
  var commit: String? { told.withLock { $0 } }

  /// Fetches configuration, weights and tokeniser.
  func fetchModel() async throws {
    guard try await has("config.json") else { throw missing("config.json") }
    try await fetchWeights()
    _ = try await fetch(HubDownload.others.map { ($0, "\(folder)/\($0)") })
  }

  /// Those that cannot do anything when they are read come first.
  private func fetchWeights() async throws {
    for name in ["model.safetensors", "pytorch_model.bin"] {
      if try await has(name) { return }
      let index = "\(name).index.json"
      guard try await has(index) else { continue }
      let shards = try shards(index)
      let there = try await fetch(shards.map { ($0, "\(folder)/\($0)") })
      if let lost = shards.first(where: { !there.contains($0) }) { throw missing(lost) }
      return
    }
    throw missing("model.safetensors or pytorch_model.bin")
  }

  private func has(_ name: String) async throws -> Bool {
    try await fetch([(name, "\(folder)/\(name)")]).contains(name)
  }

  /// The files that an index names.
  private func shards(_ index: String) throws -> [String] {
    let bytes = try files.contents(of: "\(folder)/\(index)", limit: HubDownload.textLimit) ?? []
    guard let names = try? HubDownload.weights(in: bytes) else {
      throw RemoteFailure.lying(client.name, "has something else than an index of weights in \(index)")
    }
    for name in names where EntryName.fault(of: name) != nil || name.hasSuffix(".json") {
      throw RemoteFailure.lying(client.name, "names weights in \(index) that are none: '\(name.visible())'")
    }
    guard 1...HubDownload.mostShards ~= names.count else {
      throw RemoteFailure.lying(client.name, "names \(names.count) files of weights in \(index)")
    }
    return names.sorted()
  }

  /// - Returns: the names in the values of the member `weight_map`; nil if there is no such object.
  private static func weights(in index: [UInt8]) throws(JSONError) -> Set<String>? {
    var parser = try JSONParser(passingOver: index, options: .ofHub)
    var names: Set<String>?
    _ = try parser.members { parser, name throws(JSONError) in
      guard name == "weight_map" else { return try parser.skip() }
      var found: Set<String> = []
      let isMap = try parser.members { parser, _ throws(JSONError) in
        if let name = try parser.text() { found.insert(name) }
      }
      names = isMap ? found : nil
    }
    try parser.finish()
    return names
  }

  /// Fetches files.
  /// - Returns: the names of those that there are.
  func fetch(_ wanted: [(name: String, path: String)]) async throws -> Set<String> {
    let there = Mutex<Set<String>>([])
    progress.expect(wanted.count)
    try await Lanes.run(HubDownload.lanes, wanted) { [self] name, path in
      if try fetch(name, to: path) { there.withLock { _ = $0.insert(name) } }
      progress.objectsAreDone(1)
    }
    return there.withLock { $0 }
  }

  private func fetch(_ name: String, to path: String) throws -> Bool {
    let landing = Landing(
      name, limit: name.hasSuffix(".json") ? HubDownload.textLimit : HubDownload.limit, file: (path, files),
      received: progress.bytesHaveCome)
    defer { landing.discard() }
    let answer = try client.read(landing, from: "\(base)/\(WebAddress.escaped(name))", headers: headers)
    guard try landing.isThere() else {
      // That there is no such file is said otherwise than that there is no such model or revision.
      if let code = answer.code, code != "EntryNotFound" { throw client.refusal(answer, name) }
      return false
    }
    try check(path, name, answer.first)
    if let fault = try HubFormat.fault(
      of: name, type: answer.headers["content-type"], InputFile(path, files: files))
    {
      throw RemoteFailure.lying(
        client.name, "sent something else for \(name) at the revision '\(address.revision)': \(fault)")
    }
    return true
  }

  /// Checks what has come against what was said of it first: by the server itself, and not by the one to which it led.
  private func check(_ path: String, _ name: String, _ said: [String: String]) throws {
    if let commit = said["x-repo-commit"], commit.utf8.count == 40,
      commit.utf8.allSatisfy({ 48...57 ~= $0 || 97...102 ~= $0 })
    {
      let other = told.withLock { told in
        defer { told = told ?? commit }
        return told ?? commit
      }
      if other != commit {
        throw RemoteFailure.lying(
          client.name,
          "changed while it was read: \(name) is of the commit \(commit), what came before of \(other)")
      }
    }
    let file = try InputFile(path, files: files)
    if let size = said["x-linked-size"].flatMap({ Int($0) }), size != file.size {
      throw RemoteFailure.lying(client.name, "sent \(file.size) bytes for \(name), which has \(size)")
    }
    // Of large files the hub says the SHA-256; of others it says Git's name, which has another form.
    guard let tag = said["x-linked-etag"]?.filter({ $0 != "\"" }), tag.utf8.count == 64,
      let digest = Digest("sha256:\(tag)")
    else { return }
    var hasher = DigestHasher()
    try file.pieces { hasher.update($0) }
    guard hasher.finalize() == digest else {
      throw RemoteFailure.lying(
        client.name, "sent other bytes for \(name) than those that it names: \(digest)")
    }
  }

  func missing(_ name: String) -> Failure {
    Failure(
      .notFound, "\(client.name) has no \(name) at the revision '\(address.revision)'",
      hint: "look on the hub which files and revisions the model has")
  }
}
