import Foundation
import Support
import Synchronization
import System
import Testing

@testable import Artefacts
@testable import Remotes

/// The hub of Hugging Face as it answers: with what leads elsewhere, names commits and digests, and what it may do wrong.
@Suite struct HubTests {
  private let here: TestStore
  private static let commit = String(repeating: "ab", count: 20)

  init() throws { here = try TestStore(isEmpty: true) }

  private static func found(_ text: String, _ headers: String = "") -> OddServer.Answer {
    .init("HTTP/1.1 200 OK\(headers)\r\nContent-Length: \(text.utf8.count)", Array(text.utf8))
  }

  /// A safetensors file of one byte.
  private static let weights = safetensors(#"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}"#)

  private static func safetensors(_ header: String) -> String {
    "\(Character(Unicode.Scalar(UInt8(header.utf8.count))))\(String(repeating: "\0", count: 7))\(header)w"
  }

  private static let missing = OddServer.Answer(
    "HTTP/1.1 404 Not Found\r\nX-Error-Code: EntryNotFound\r\nContent-Length: 0")

  /// A hub with some files.
  private func hub(_ files: [String: String], _ headers: String = "") -> OddServer {
    OddServer { request in
      let base = "o/m/resolve/main/"
      guard request.path.hasPrefix(base), let text = files[String(request.path.dropFirst(base.count))] else {
        return HubTests.missing
      }
      return HubTests.found(text, headers)
    }
  }

  private func fetch(
    _ server: OddServer, _ address: String = "hf://o/m", token: String? = nil
  ) async throws -> (artefact: Artefact, address: HubAddress) {
    try await Hub(endpoint: "http://127.0.0.1:\(server.port)", token: token)
      .fetch(HubAddress(address), into: here.store)
  }

  /// A fetch that must fail and leave nothing.
  private func failure(_ server: OddServer, _ address: String = "hf://o/m") async throws -> String {
    defer { server.stop() }
    do { _ = try await fetch(server, address) } catch {
      #expect(try here.store.objects().isEmpty)
      let left = try FileManager.default.subpathsOfDirectory(atPath: here.folder["store/tmp"])
      #expect(left.filter { !$0.hasSuffix("alive") && $0.contains("/") }.isEmpty, "\(left)")
      return "\(error)"
    }
    Issue.record("it was fetched")
    return ""
  }

  @Test func `A model is a folder of what is needed of it`() async throws {
    let server = hub(
      [
        "config.json": "{}", "model.safetensors": HubTests.weights, "pytorch_model.bin": "others",
        "tokenizer.json": "{ }",
        "README.md": "words",
      ], "\r\nX-Repo-Commit: \(HubTests.commit)")
    defer { server.stop() }
    let (artefact, address) = try await fetch(server)
    let names = try here.store.tree(artefact.digest).entries.map(\.name)
    #expect(names == ["config.json", "model.safetensors", "tokenizer.json"])
    #expect(address.description == "hf://o/m@\(HubTests.commit)")
  }

  @Test func `Weights in shards come with their index`() async throws {
    for name in ["model.safetensors", "pytorch_model.bin"] {
      let server = hub([
        "config.json": "{}",
        "\(name).index.json": #"{"weight_map":{"a":"one.bin","b":"two.bin","c":"one.bin"}}"#,
        "one.bin": "1", "two.bin": "2",
      ])
      defer { server.stop() }
      let names = try await here.store.tree(fetch(server).artefact.digest).entries.map(\.name)
      #expect(Set(names) == ["config.json", "\(name).index.json", "one.bin", "two.bin"])
    }
  }

  @Test(arguments: [
    #"{"weight_map":{"a":"../../one"}}"#, #"{"weight_map":{"a":".."}}"#, #"{"weight_map":{}}"#, "{}",
    #"{"weight_map":{"a":"config.json"}}"#,
  ])
  func `An index that names what it should not is refused`(_ index: String) async throws {
    let text = try await failure(hub(["config.json": "{}", "model.safetensors.index.json": index]))
    #expect(text.contains("weights"))
  }

  /// A plain web server names no digests, but a file has a format.
  @Test(arguments: [
    ("config.json", "<html><body>Not here</body></html>", ""), ("config.json", #"{"a": 1"#, ""),
    ("config.json", "{}", "\r\nContent-Type: text/html; charset=utf-8"),
    ("model.safetensors", String(weights.dropLast()), ""), ("model.safetensors", weights + "x", ""),
    ("model.safetensors", "<!DOCTYPE html><p>weights", ""), ("model.safetensors", "weights", ""),
    ("model.safetensors", "", ""),
    ("model.safetensors", safetensors(#"{"a":{"data_offsets":[1]}}"#), ""),
    ("model.safetensors", safetensors(#"{"a":{"data_offsets":[0,1.0]}}"#), ""),
    ("model.safetensors", safetensors(#"[{"a":{"data_offsets":[0,1]}}]"#), ""),
    ("tokenizer.json", "", ""), ("merges.txt", "\n <!doctype HTML>", ""), ("vocab.txt", "", ""),
    ("tokenizer.model", "<html>", ""), ("model.safetensors.index.json", "<html>", ""),
  ])
  func `What is not what its name says is refused`(_ name: String, _ text: String, _ header: String)
    async throws
  {
    var files = ["config.json": "{}", "model.safetensors": HubTests.weights]
    if name.contains("index") { files["model.safetensors"] = nil }
    files[name] = text
    let error = try await failure(hub(files, header))
    #expect(
      error.contains("http://127.0.0.1:") && error.contains("sent something else for \(name)"), "\(error)")
  }

  @Test func `What Python writes as JSON is taken`() async throws {
    let server = hub(["a.json": #"{"most":1000000000000000019884624838656,"eps":NaN}"#])
    defer { server.stop() }
    #expect(try await fetch(server, "hf://o/m/a.json").artefact.kind == .blob)
  }

  @Test func `A vocabulary with names that Swift takes for one is taken`() async throws {
    let vocabulary = "{\"\u{E0}\":1,\"a\u{300}\":2,\"\u{2126}\":3,\"\u{3A9}\":4}"
    let index = "{\"weight_map\":{\"\u{E0}\":\"one.bin\",\"a\u{300}\":\"two.bin\"}}"
    let server = hub([
      "config.json": "{}", "pytorch_model.bin.index.json": index, "one.bin": "1", "two.bin": "2",
      "vocab.json": vocabulary,
    ])
    defer { server.stop() }
    let names = try await here.store.tree(fetch(server).artefact.digest).entries.map(\.name)
    #expect(Set(names).isSuperset(of: ["vocab.json", "one.bin", "two.bin"]))
  }

  @Test func `Types of elements that are not known are no fault of a file`() async throws {
    let weights = HubTests.safetensors(#"{"a":{"dtype":"F4","shape":[2],"data_offsets":[0,1]}}"#)
    let server = hub(["a.safetensors": weights])
    defer { server.stop() }
    #expect(try await fetch(server, "hf://o/m/a.safetensors").artefact.kind == .blob)
  }

  @Test(arguments: ["PK\u{3}\u{4} without an end", "<p>", ""])
  func `Weights of PyTorch that are none are refused`(_ text: String) async throws {
    let error = try await failure(hub(["config.json": "{}", "pytorch_model.bin": text]))
    #expect(error.contains("sent something else for pytorch_model.bin"))
  }

  /// An archive without entries, behind a name and bytes of one.
  private static let archive = "PK\u{3}\u{4} bytes PK\u{5}\u{6}" + String(repeating: "\0", count: 18)

  @Test func `Archives that are cut short are refused, whatever their name`() async throws {
    let whole = hub(["weights.pt": HubTests.archive])
    defer { whole.stop() }
    #expect(try await fetch(whole, "hf://o/m/weights.pt").artefact.kind == .blob)
    let cut = hub(["weights.pt": String(HubTests.archive.dropLast())])
    defer { cut.stop() }
    await #expect {
      try await fetch(cut, "hf://o/m/weights.pt")
    } throws: {
      "\($0)".contains("it is an archive that was cut short")
    }
  }

  @Test func `What is missing is named`() async throws {
    #expect(try await failure(hub([:])).contains("has no config.json at the revision 'main'"))
    #expect(
      try await failure(hub(["config.json": "{}"])).contains("has no model.safetensors or pytorch_model.bin"))
    let index = #"{"weight_map":{"a":"one.bin"}}"#
    #expect(
      try await failure(hub(["config.json": "{}", "pytorch_model.bin.index.json": index])).contains(
        "has no one.bin"))
    #expect(try await failure(hub(["config.json": "{}"]), "hf://o/m/x/y").contains("has no x/y"))
    let server = OddServer { _ in
      .init("HTTP/1.1 404 Not Found\r\nX-Error-Code: RevisionNotFound\r\nContent-Length: 0")
    }
    #expect(try await failure(server, "hf://o/m@step9").contains("RevisionNotFound"))
    let closed = OddServer { _ in
      .init("HTTP/1.1 401 Unauthorized\r\nX-Error-Code: GatedRepo\r\nContent-Length: 0")
    }
    let text = try await failure(closed)
    #expect(text.contains("GatedRepo") && text.contains("HF_TOKEN"))
  }

  @Test func `A token goes to the hub, and not to whom it leads to`() async throws {
    let heads = Mutex<[String]>([])
    let other = OddServer { request in
      heads.withLock { $0.append(request.head.lowercased()) }
      return HubTests.found(HubTests.weights)
    }
    defer { other.stop() }
    let digest = Digest(of: Array(HubTests.weights.utf8)).hex
    let server = OddServer { [port = other.port] request in
      guard request.head.contains("Authorization: Bearer hf_secret") else {
        return .init("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0")
      }
      return .init(
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:\(port)/x\r\nX-Linked-ETag: \"\(digest)\"\r\n"
          + "X-Linked-Size: \(HubTests.weights.utf8.count)\r\nX-Repo-Commit: \(HubTests.commit)\r\nContent-Length: 0"
      )
    }
    defer { server.stop() }
    let (artefact, address) = try await fetch(
      server, "hf://o/m@step512/model.safetensors", token: "hf_secret")
    #expect(artefact.digest.hex == digest && artefact.kind == .blob)
    #expect(address.description == "hf://o/m@\(HubTests.commit)/model.safetensors")
    #expect(heads.withLock { $0.count == 1 && !$0[0].contains("authorization") && !$0[0].contains("secret") })
  }

  @Test func `A token does not go over the open network`() throws {
    #expect(try Hub(endpoint: "http://hub.invalid", token: "hf_secret").headers.isEmpty)
    #expect(try Hub(endpoint: "http://127.0.0.1.hub.invalid", token: "hf_secret").headers.isEmpty)
    #expect(try Hub(endpoint: "https://hub.invalid", token: "hf_secret").headers.count == 1)
    for bad in ["hub.invalid", "ftp://hub", "https://me:word@hub", "https://hub?x"] {
      #expect(throws: Failure.self) { try Hub(endpoint: bad, token: nil) }
    }
    #expect(throws: Failure.self) { try Hub(endpoint: "https://hub", token: "a\r\nX: y") }
  }

  @Test func `Other bytes than those that the hub names are refused`() async throws {
    let digest = Digest(of: Array("weights".utf8)).hex
    let wrong = hub(["a": "Weights"], "\r\nX-Linked-ETag: \"\(digest)\"")
    #expect(try await failure(wrong, "hf://o/m/a").contains("sent other bytes for a"))
    let short = hub(["a": "Weights"], "\r\nX-Linked-Size: 8")
    #expect(try await failure(short, "hf://o/m/a").contains("which has 8"))
  }

  @Test(arguments: ["", "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n"])
  func `What the hub says counts, by whatever name and after whatever words`(_ before: String) async throws {
    // Who is led to may say what it likes of the bytes that it sends.
    let other = OddServer { _ in
      HubTests.found("Weights", "\r\nX-Linked-ETag: \"\(Digest(of: Array("Weights".utf8)).hex)\"")
    }
    defer { other.stop() }
    let digest = Digest(of: Array("weights".utf8)).hex
    let server = OddServer { [port = other.port] request in
      let isOld = request.path.hasPrefix("o/m/")
      let (place, said) =
        isOld
        ? ("/o/new/resolve/main/a", "")
        : ("http://127.0.0.1:\(port)/x", "X-Linked-ETag: \"\(digest)\"\r\n")
      return OddServer.Answer(
        "\(before)HTTP/1.1 \(isOld ? 307 : 302) Elsewhere\r\nLocation: \(place)\r\n\(said)"
          + "Connection: close\r\nContent-Length: 0")
    }
    #expect(try await failure(server, "hf://o/m/a").contains("sent other bytes for a"))
    #expect(server.requests == 2 && other.requests == 1)
  }

  @Test func `Who is not let in because the token stays here is told so`() async throws {
    let server = OddServer { _ in .init("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0") }
    defer { server.stop() }
    // This machine by a name that is not known to be this machine's.
    let hub = try Hub(endpoint: "http://127.1:\(server.port)", token: "hf_secret")
    await #expect {
      try await hub.fetch(HubAddress("hf://o/m"), into: here.store)
    } throws: { "\($0)".contains("HF_TOKEN is not sent over http") }
  }

  @Test func `A branch that moves while it is read is noticed`() async throws {
    let server = OddServer { request in
      let digit = request.number < 1 ? "a" : "b"
      return HubTests.found("{}", "\r\nX-Repo-Commit: \(String(repeating: digit, count: 40))")
    }
    #expect(try await failure(server).contains("changed while it was read"))
  }

  @Test(arguments: [
    ("hf://o/m", "hf://o/m@main"), ("hf://o/m@step512", "hf://o/m@step512"),
    ("hf://o/m@refs%2Fpr%2F1/a/b.json", "hf://o/m@refs%2Fpr%2F1/a/b.json"),
    ("https://huggingface.co/o/m", "hf://o/m@main"), ("https://huggingface.co/o/m/tree/v1", "hf://o/m@v1"),
    ("https://huggingface.co/o/m/resolve/v1/a/b.bin?download=true", "hf://o/m@v1/a/b.bin"),
    ("https://huggingface.co/o/m/blob/main/config.json", "hf://o/m@main/config.json"),
  ])
  func `Addresses are read`(_ text: String, _ meaning: String) throws {
    #expect(HubAddress.isMeant(by: text))
    #expect(try HubAddress(text).description == meaning)
  }

  @Test(arguments: [
    "hf://", "hf://o", "hf://o/", "hf:///m", "hf://../m", "hf://o/m@", "hf://o/m@..", "hf://o/m@a%2F..%2Fb",
    "hf://o/m/../x",
    "hf://o/m/%2e%2e/x", "hf://o/m/a%2Fb", "hf://o/m/", "hf://o/m%00", "hf://o/m@main/a\u{7}", "hf://a b/c",
    "https://huggingface.co/o", "https://huggingface.co/o/m/commits/main", "https://example.org/o/m",
  ])
  func `What is no address is refused`(_ text: String) {
    #expect { try HubAddress(text) } throws: { ($0 as? Failure)?.code == .malformed }
  }
}
