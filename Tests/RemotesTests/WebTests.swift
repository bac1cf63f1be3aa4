import Foundation
import JSON
import Support
import Synchronization
import System
import Testing

@testable import Artefacts
@testable import Remotes

/// Servers that cut, lie, refuse and never end.
@Suite struct WebTests {
  private let there: TestStore
  private let here: TestStore
  private let object: [UInt8]
  private let path: String

  init() throws {
    there = try TestStore()
    here = try TestStore(isEmpty: true)
    path = StorePath.object(there.large.digest).text
    object = try [UInt8](Data(contentsOf: URL(fileURLWithPath: there.path(of: there.large.digest))))
  }

  private func remote(_ server: OddServer) -> RemoteStore {
    RemoteStore(WebFiles("http://127.0.0.1:\(server.port)", name: "the server"), scratch: here.store)
  }

  /// Fetches the large object, which must fail and leave nothing.
  private func failure(_ server: OddServer) async throws -> String {
    defer { server.stop() }
    do { _ = try await remote(server).fetch(there.large.digest) } catch {
      #expect(try here.store.objects().isEmpty)
      let left = try FileManager.default.subpathsOfDirectory(atPath: here.folder["store/tmp"])
      #expect(left.filter { !$0.hasSuffix("alive") && $0.contains("/") }.isEmpty, "\(left)")
      return "\(error)"
    }
    Issue.record("it was fetched")
    return ""
  }

  @Test func `A download that is cut goes on where it ended`() async throws {
    let object = object
    let starts = Mutex<[Int]>([])
    let server = OddServer { request in
      let start = request.start ?? 0
      starts.withLock { $0.append(start) }
      let head =
        "HTTP/1.1 \(start > 0 ? "206 Partial" : "200 OK")\r\nETag: \"a\"\r\nContent-Length: \(object.count - start)"
      // Says that all of it comes, and sends a third of it.
      return .init(head, Array(object[start..<min(object.count, start + object.count / 3 + 1)]))
    }
    defer { server.stop() }
    #expect(try await remote(server).fetch(there.large.digest) == there.large)
    #expect(starts.withLock { $0 } == [0, object.count / 3 + 1, 2 * (object.count / 3 + 1)])
  }

  @Test func `A server that never has the rest of what it began is not asked for ever`() async throws {
    let object = object
    let server = OddServer { request in
      if request.start != nil { return .init("HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0") }
      let head = "HTTP/1.1 200 OK\r\nETag: \"a\"\r\nContent-Length: \(object.count)"
      return .init(head, Array(object[..<10]))
    }
    let text = try await failure(server)
    #expect(text.contains("416"), "\(text)")
    #expect(server.requests <= 6)
  }

  @Test func `A fault of a place with one record is no word that there is none`() async throws {
    let keys = [Digest(of: [1]), Digest(of: [2])]
    let record = Record(
      manifest: ["operation": "test"], outputs: [.init(name: "o", artefact: there.large)], log: nil,
      stage: "s",
      sources: [:])
    let server = OddServer { request in
      let bytes = record.storedBytes
      if request.path.hasSuffix(StorePath.record(record.key).text) {
        return .init("HTTP/1.1 200 OK\r\nContent-Length: \(bytes.count)", bytes)
      }
      let isRecord = keys.contains { request.path.hasSuffix(StorePath.record($0).text) }
      return .init("HTTP/1.1 \(isRecord ? "500 Out of order" : "404 Not Found")\r\nContent-Length: 0")
    }
    defer { server.stop() }
    await #expect(throws: (any Error).self) { try await remote(server).fetchRecords([record.key] + keys) }
    // A run goes on with what came.
    #expect(try await remote(server).records(for: [record.key] + keys) == [record.key: record])
  }

  @Test func `Only a place that has signatures is asked for those of many records`() async throws {
    let keys = (0..<50).map { Digest(of: [$0]) }
    let isMarked = Mutex(false)
    let server = OddServer { request in
      if isMarked.withLock({ $0 }), request.path.hasSuffix(Store.signedMark.path) {
        return .init(
          "HTTP/1.1 200 OK\r\nContent-Length: \(Store.signedMark.bytes.count)", Store.signedMark.bytes)
      }
      return .init("HTTP/1.1 404 Not Found\r\nContent-Length: 0")
    }
    defer { server.stop() }
    let files = SegmentedFiles(WebFiles("http://127.0.0.1:\(server.port)", name: "the server"))
    let remote = RemoteStore(files, scratch: here.store)
    #expect(try await remote.signatures(for: keys).isEmpty)
    #expect(server.requests == 1)
    isMarked.withLock { $0 = true }
    _ = try await remote.signatures(for: keys)
    #expect(server.requests == 2 + keys.count)
  }

  @Test func `What can be done about a server is told`() async throws {
    let server = OddServer { _ in .init("HTTP/1.1 413 Request Entity Too Large\r\nContent-Length: 0") }
    defer { server.stop() }
    let files = WebFiles("http://127.0.0.1:\(server.port)", name: "the server")
    await #expect {
      try await files.write([Shipment(path: "objects/ab", content: .bytes([1]))])
    } throws: { "\($0)".contains("client_max_body_size") }
    #expect(WebBreak(code: 60, text: "").hint?.contains("SSL_CERT_FILE") == true)
  }

  @Test func `A file that changed in the meantime is read from its start`() async throws {
    let object = object
    let server = OddServer { request in
      let head = "HTTP/1.1 200 OK\r\nETag: \"\(request.number)\"\r\nContent-Length: \(object.count)"
      return .init(head, request.number < 2 ? Array(object[..<1000]) : object)
    }
    defer { server.stop() }
    #expect(try await remote(server).fetch(there.large.digest) == there.large)
    #expect(server.requests == 3)
  }

  @Test(arguments: [429, 500, 503]) func `A server that is busy is asked again`(_ status: Int) async throws {
    let object = object
    let server = OddServer { request in
      request.number < 2
        ? .init("HTTP/1.1 \(status) Busy\r\nRetry-After: 0\r\nContent-Length: 4", Array("busy".utf8))
        : .init("HTTP/1.1 200 OK\r\nContent-Length: \(object.count)", object)
    }
    defer { server.stop() }
    #expect(try await remote(server).fetch(there.large.digest) == there.large)
  }

  @Test(arguments: ["3600", "Sat, 06 Nov 2094 08:49:37 GMT"])
  func `A server that asks for an hour, or a century, is not waited for`(_ pause: String) async throws {
    let server = OddServer { _ in .init("HTTP/1.1 503 Busy\r\nRetry-After: \(pause)\r\nContent-Length: 0") }
    #expect(try await failure(server).contains("answers 503"))
  }

  @Test func `An error page that calls itself the file is none`() async throws {
    let page = Array("<html><body>Please log in.</body></html>".utf8)
    let server = OddServer { _ in .init("HTTP/1.1 200 OK\r\nContent-Length: \(page.count)", page) }
    let text = try await failure(server)
    #expect(text.contains("the server") && text.contains("damaged"))
  }

  @Test func `What never ends is ended`() async throws {
    let bytes = [UInt8](repeating: 7, count: 1 << 16)
    let server = endless()
    defer { server.stop() }
    let publication = here.store.publication()
    let failures = try await remote(server).copy(
      [WantedObject(there.large.digest, size: 3_000_000)], to: publication)
    #expect("\(failures[there.large.digest]!)".contains("sends more than"))
    // Neither does a word about it end.
    let talker = OddServer { _ in .init("HTTP/1.1 404 Not Found", bytes, isEndless: true) }
    #expect(try await failure(talker).contains("cannot be reached"))
  }

  /// A server that sends what may be the start of an object, and frames without an end.
  private func endless() -> OddServer {
    // Sixty thousand bytes as they are, in a frame.
    let start: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0x64, 0x60, 0xE9, 0x01, 0x53, 0x07]
    let frame = start + [UInt8](repeating: 0, count: 60_000 + 4)
    return OddServer { _ in
      var answer = OddServer.Answer("HTTP/1.1 200 OK", ObjectFormat.header, isEndless: true)
      answer.pieces.append(frame)
      return answer
    }
  }

  /// Reads an object's file of which nobody knows the size.
  /// - Returns: why it cannot be had, and how much of it has come.
  private func refusal(
    _ server: OddServer, _ unannounced: Int
  ) async throws -> (text: String, bytes: Int, meansLack: Bool) {
    defer { server.stop() }
    let landing = Landing(path, limit: 64 << 20, unannounced: unannounced)
    try await WebFiles("http://127.0.0.1:\(server.port)", name: "the server").read([landing])
    let error = try #require(landing.error)
    return ("\(error)", landing.count, (error as? Failure)?.meansPlaceLacksObject == true)
  }

  @Test func `What never ends is ended where nobody knows how long it is`() async throws {
    let page = OddServer { _ in
      .init("HTTP/1.1 200 OK", [UInt8](repeating: 7, count: 1 << 16), isEndless: true)
    }
    let (text, bytes, meansLack) = try await refusal(page, 64 << 20)
    #expect(meansLack && text.contains("the server sends a damaged object") && bytes < 16, "\(text)")
    let frames = try await refusal(endless(), 1 << 20)
    #expect(frames.text.contains("sends more than 1048576 bytes") && frames.bytes <= 1 << 20, "\(frames)")
    // That is as much as brake takes, and says nothing of the object: more than it can have does.
    #expect(!frames.meansLack)
    #expect(try await refusal(endless(), 64 << 20).meansLack)
    // Of an object that is asked for by its digest alone nobody knows it.
    let remote = RemoteStore(WebFiles("http://127.0.0.1:1", name: "nobody"), scratch: here.store)
    let unknown = remote.landing(of: WantedObject(there.large.digest, size: nil), at: here.folder["file"])
    #expect(unknown.unannouncedLimit <= 1 << 30 && unknown.unannouncedLimit < unknown.limit)
  }

  @Test func `What is announced to be too large is not read`() async throws {
    let server = OddServer { _ in .init("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999", [1, 2, 3]) }
    #expect(try await failure(server).contains("offers 99999999999999 bytes"))
  }

  @Test func `Who is refused is told what to do`() async throws {
    let server = OddServer { _ in .init("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0") }
    #expect(try await failure(server).contains("~/.netrc"))
  }

  @Test func `A place without a store is said to have none`() async throws {
    let server = OddServer { _ in .init("HTTP/1.1 404 Not Found\r\nContent-Length: 0") }
    #expect(try await failure(server).contains("there is no store at the server"))
  }

  @Test func `Who leads round in circles, or to files, is not followed`() async throws {
    let server = OddServer { _ in .init("HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0") }
    #expect(try await failure(server).contains("cannot be reached"))
    let path = there.path(of: there.large.digest)
    let leader = OddServer { _ in .init("HTTP/1.1 302 Found\r\nLocation: file://\(path)\r\nContent-Length: 0")
    }
    #expect(try await failure(leader).contains("cannot be reached"))
  }

  @Test func `Nobody at the address is an error that says so`() async throws {
    let server = OddServer { _ in .init("HTTP/1.1 200 OK") }
    server.stop()
    #expect(try await failure(server).contains("the server cannot be reached"))
  }

  @Test func `Who can be done without is asked no more once it says next to nothing`() async throws {
    let server = OddServer { _ in
      var answer = OddServer.Answer("HTTP/1.1 200 OK\r\nContent-Length: 1000000", [1])
      answer.isHeld = true
      return answer
    }
    defer { server.stop() }
    let files = WebFiles("http://127.0.0.1:\(server.port)", name: "the server", silence: 1)
    let landings = (0..<64).map { Landing("actions/\($0)", limit: 1 << 20) }
    try await files.read(landings)
    #expect(landings.allSatisfy { $0.error != nil })
    // As many as are asked at once, and none of them again.
    #expect(server.requests <= 16)
  }

  @Test func `A cancelled download ends at once`() async throws {
    let server = OddServer { _ in
      var answer = OddServer.Answer("HTTP/1.1 200 OK\r\nContent-Length: 1000000", [1])
      answer.isHeld = true
      return answer
    }
    defer { server.stop() }
    let remote = remote(server)
    let task = Task { [digest = there.large.digest] in try await remote.fetch(digest) }
    while server.requests == 0 { try await Task.sleep(for: .milliseconds(10)) }
    task.cancel()
    await #expect(throws: CancellationError.self) { try await task.value }
  }
}
