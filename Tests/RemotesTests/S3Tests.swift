import Foundation
import Support
import Synchronization
import System
import Testing

@testable import Artefacts
@testable import Remotes

/// What an S3 service may do that a real one cannot be made to do when a test wants it. `Tests/S3` has a real one.
@Suite struct S3Tests {
  private let there: TestStore
  private let object: [UInt8]
  private let path: String

  init() throws {
    there = try TestStore()
    path = StorePath.object(there.large.digest).text
    object = try [UInt8](Data(contentsOf: URL(fileURLWithPath: there.path(of: there.large.digest))))
  }

  private static let begun =
    "<?xml version=\"1.0\"?><InitiateMultipartUploadResult><UploadId>a&amp;b</UploadId></InitiateMultipartUploadResult>"

  private func answer(_ status: String, _ text: String = "", _ header: String = "") -> OddServer.Answer {
    .init("HTTP/1.1 \(status)\(header)\r\nContent-Length: \(text.utf8.count)", Array(text.utf8))
  }

  private func files(at server: OddServer, _ identity: S3Identity) -> WebFiles {
    let url = "http://127.0.0.1:\(server.port)/lab"
    return WebFiles(
      url, name: "the bucket", bucket: S3Bucket(url: url, region: "r", identity: identity, part: 1 << 20))
  }

  /// Sends the large object in parts of a mebibyte.
  private func send(
    to server: OddServer, identity: S3Identity = S3Identity(find: { S3Credentials(key: "k", secret: "s") })
  ) async throws -> Int {
    let sent = Mutex(0)
    try await files(at: server, identity).write([
      Shipment(
        path: path, content: .object(there.large.digest, of: there.store),
        sent: { count in sent.withLock { $0 += count } })
    ])
    return sent.withLock { $0 }
  }

  @Test func `Parts and their end are tried again by themselves`() async throws {
    let parts = Mutex<[String: [UInt8]]>([:])
    let log = Mutex<[String]>([])
    let server = OddServer { [self] request in
      let question = request.path.split(separator: "?").last.map(String.init) ?? ""
      log.withLock { $0.append("\(request.method) \(question)") }
      let times = log.withLock { log in log.count { $0 == "\(request.method) \(question)" } }
      switch request.method {
      case "POST" where question == "uploads=": return answer("200 OK", S3Tests.begun)
      case "PUT":
        if question.hasPrefix("partNumber=2&"), times == 1 {
          return answer("503 Slow Down", "<Error><Code>SlowDown</Code></Error>", "\r\nRetry-After: 0")
        }
        let number = String(question.dropFirst("partNumber=".count).prefix { $0 != "&" })
        parts.withLock { $0[number] = request.body }
        return answer("200 OK", "", "\r\nETag: \"tag-\(number)\"")
      case "POST":
        // As Amazon does: it has begun to answer before it knows how it ends.
        if times == 1 {
          return answer("200 OK", "  \n<?xml version=\"1.0\"?>\n<Error><Code>InternalError</Code></Error>")
        }
        let list = String(decoding: request.body, as: UTF8.self)
        let isWhole = (1...3).allSatisfy {
          list.contains("<PartNumber>\($0)</PartNumber><ETag>&quot;tag-\($0)&quot;</ETag>")
        }
        #expect(isWhole && request.head.contains("If-None-Match: *"))
        return answer("200 OK", "<CompleteMultipartUploadResult xmlns=\"x\"></CompleteMultipartUploadResult>")
      default: return answer("403 Forbidden")
      }
    }
    defer { server.stop() }
    #expect(try await send(to: server) == object.count)
    let come = parts.withLock { parts in (1...3).flatMap { parts["\($0)"] ?? [] } }
    #expect(come == object && parts.withLock { $0.count } == 3)
    #expect(
      log.withLock { $0 } == [
        "POST uploads=", "PUT partNumber=1&uploadId=a%26b", "PUT partNumber=2&uploadId=a%26b",
        "PUT partNumber=2&uploadId=a%26b", "PUT partNumber=3&uploadId=a%26b", "POST uploadId=a%26b",
        "POST uploadId=a%26b", "GET prefix=\(path.replacing("/", with: "%2F"))&uploads=",
      ])
  }

  @Test(arguments: ["PUT", "POST"])
  func `What fails is taken back, and says why`(_ method: String) async throws {
    let isTakenBack = Mutex(false)
    let server = OddServer { [self] request in
      if request.path.hasSuffix("?uploads=") { return answer("200 OK", S3Tests.begun) }
      if request.method == "DELETE" {
        isTakenBack.withLock { $0 = request.path.hasSuffix("?uploadId=a%26b") }
        return answer("204 No Content")
      }
      if request.method == method {
        return answer(method == "PUT" ? "403 No" : "200 OK", "<Error><Code>AccessDenied</Code></Error>")
      }
      return answer("200 OK", "", "\r\nETag: \"a\"")
    }
    defer { server.stop() }
    await #expect {
      try await send(to: server)
    } throws: { "\($0)".contains("the bucket") && "\($0)".contains("AccessDenied") }
    #expect(isTakenBack.withLock { $0 })
  }

  @Test func `Another who was quicker is as good`() async throws {
    let server = OddServer { [self] request in
      switch request.method {
      case "POST": answer("200 OK", S3Tests.begun)
      case "HEAD": answer("200 OK")
      default: answer("404 Not Found", "<Error><Code>NoSuchUpload</Code></Error>")
      }
    }
    defer { server.stop() }
    _ = try await send(to: server)
  }

  @Test(arguments: ["404 Not Found", "409 Conflict", "412 Precondition Failed"])
  func `Parts of an object that another has sent meanwhile are taken back`(_ status: String) async throws {
    let isTakenBack = Mutex(false)
    let server = OddServer { [self] request in
      switch request.method {
      case "POST" where request.path.hasSuffix("?uploads="): return answer("200 OK", S3Tests.begun)
      case "POST": return answer(status)
      case "PUT": return answer("200 OK", "", "\r\nETag: \"a\"")
      case "HEAD": return answer("200 OK")
      case "DELETE":
        isTakenBack.withLock { $0 = request.path.hasSuffix("?uploadId=a%26b") }
        return answer("204 No Content")
      // Not everybody may ask for what others have begun.
      default: return answer("403 Forbidden")
      }
    }
    defer { server.stop() }
    #expect(try await send(to: server) == object.count)
    #expect(isTakenBack.withLock { $0 })
  }

  @Test func `What a service loses again and again is an error`() async throws {
    let server = OddServer { [self] request in
      request.method == "POST"
        ? answer("200 OK", S3Tests.begun)
        : answer("404 Not Found", "<Error><Code>NoSuchUpload</Code></Error>")
    }
    defer { server.stop() }
    await #expect { try await send(to: server) } throws: { "\($0)".contains("loses what is sent") }
  }

  @Test func `A bucket that is not there is told of, also by who reads`() async throws {
    let server = OddServer { [self] _ in
      answer("404 Not Found", "<Error><Code>NoSuchBucket</Code></Error>")
    }
    defer { server.stop() }
    let identity = S3Identity(find: { S3Credentials(key: "k", secret: "s") })
    let remote = RemoteStore(SegmentedFiles(files(at: server, identity)), scratch: there.store)
    for wanted in [Digest(of: [1]), there.large.digest] {
      await #expect { try await remote.reference("best") } throws: { "\($0)".contains("NoSuchBucket") }
      await #expect {
        try await RemoteStore(remote.files, scratch: TestStore(isEmpty: true).store).fetch(wanted)
      } throws: { "\($0)".contains("NoSuchBucket") }
    }
  }

  @Test func `A service that does not know conditions is asked without`() async throws {
    let server = OddServer { [self] request in
      if request.head.contains("If-None-Match") { return answer("501 Not Implemented") }
      if request.path.hasSuffix("?uploads=") { return answer("200 OK", S3Tests.begun) }
      if request.method == "POST" { return answer("200 OK", "<CompleteMultipartUploadResult/>") }
      return answer("200 OK", "", "\r\nETag: \"a\"")
    }
    defer { server.stop() }
    #expect(try await send(to: server) == object.count)
  }

  @Test func `Credentials that have run out are renewed once`() async throws {
    let found = Mutex(0)
    let identity = S3Identity(find: {
      found.withLock { $0 += 1 }
      return S3Credentials(key: "k\(found.withLock { $0 })", secret: "s", token: "t")
    })
    let server = OddServer { [self] request in
      request.head.contains("Credential=k2/")
        ? answer("200 OK", S3Tests.begun + "<CompleteMultipartUploadResult/>", "\r\nETag: \"a\"")
        : answer("400 Bad Request", "<Error><Code>ExpiredToken</Code></Error>")
    }
    defer { server.stop() }
    #expect(try await send(to: server, identity: identity) == object.count)
    #expect(found.withLock { $0 } == 2)
  }

  @Test func `An answer without words may mean that credentials have run out`() async throws {
    let found = Mutex(0)
    let identity = S3Identity(find: {
      found.withLock { $0 += 1 }
      return S3Credentials(key: "k\(found.withLock { $0 })", secret: "s", token: "t")
    })
    let server = OddServer { [self] request in
      answer(request.head.contains("Credential=k2/") ? "200 OK" : "400 Bad Request")
    }
    defer { server.stop() }
    #expect(try await files(at: server, identity).present(among: [path]) == [path])
    #expect(found.withLock { $0 } == 2)
  }

  @Test func `Who is not let in is not asked again as the same, and hears who that is`() async throws {
    let server = OddServer { [self] _ in answer("403 Forbidden") }
    defer { server.stop() }
    let identity = S3Identity(find: {
      S3Credentials(key: "k", secret: "s", source: "the role of this machine")
    })
    await #expect {
      try await files(at: server, identity).present(among: [path])
    } throws: { "\($0)".contains("the credentials are those of the role of this machine") }
    #expect(server.requests == 1)
  }

  @Test func `A signed request is not led elsewhere`() async throws {
    let other = OddServer { [self] _ in answer("200 OK") }
    defer { other.stop() }
    let server = OddServer { [self, port = other.port] _ in
      answer(
        "301 Moved Permanently", "",
        "\r\nLocation: http://127.0.0.1:\(port)/lab\r\nX-Amz-Bucket-Region: eu-west-1")
    }
    defer { server.stop() }
    let identity = S3Identity(find: { S3Credentials(key: "k", secret: "s", token: "t") })
    await #expect {
      try await files(at: server, identity).present(among: [path])
    } throws: { "\($0)".contains("answers 301") && "\($0)".contains("elsewhere, in eu-west-1: ") }
    #expect(other.requests == 0)
  }

  @Test func `Credentials are renewed before they run out`() throws {
    let clock = Mutex(0)
    let service = Mutex<[Int]>([1000, 2000, 3000])
    let identity = S3Identity(now: { clock.withLock { $0 } }) {
      try service.withLock { ends in
        guard !ends.isEmpty else { throw Failure(.remote, "away") }
        let end = ends.removeFirst()
        return S3Credentials(key: "k", secret: "s", end: end)
      }
    }
    func end(at time: Int) throws -> Int? {
      clock.withLock { $0 = time }
      return try identity.current().end
    }
    #expect(try end(at: 0) == 1000)
    #expect(try end(at: 300) == 1000)
    #expect(try end(at: 401) == 2000)
    #expect(try end(at: 1500) == 3000)
    // The service is away, but there is time.
    #expect(try end(at: 2999) == 3000)
    #expect(throws: Failure.self) { try end(at: 3000) }
  }

  @Test func `As many parts as S3 takes are enough`() {
    #expect(S3Upload.partSize(of: 300 << 20, usually: 64 << 20) == 64 << 20)
    for size in [1 << 40, 5 << 40, 625 << 30, (625 << 30) + 1] {
      let part = S3Upload.partSize(of: size, usually: 64 << 20)
      #expect((size + part - 1) / part <= 10_000 && part <= 5 << 30)
    }
  }

  @Test func `What a service for credentials says is read`() throws {
    let text = #"{"AccessKeyId":"a","SecretAccessKey":"b","Token":"c","Expiration":"2026-11-21T14:03:05Z"}"#
    #expect(
      S3Credentials(json: text) == S3Credentials(key: "a", secret: "b", token: "c", end: 1_795_269_785))
    for bad in [
      "", "[]", "{}", #"{"AccessKeyId":"a\r\nX: y","SecretAccessKey":"b"}"#,
      #"{"AccessKeyId":"a","SecretAccessKey":"b","Expiration":"soon"}"#,
    ] {
      #expect(S3Credentials(json: bad) == nil)
    }
  }

  @Test func `Secrets go to services of this machine and over TLS only`() {
    for url in ["http://127.0.0.1:80/a", "http://localhost/a", "http://[::1]:9/", "https://example.org/a"] {
      #expect(S3CredentialService.isTrusted(url))
    }
    for url in [
      "http://example.org/", "http://127.0.0.1@example.org/", "http://127.0.0.1.example.org/",
      "ftp://127.0.0.1/",
      "http://169.254.169.254/", "http://127.1/", "127.0.0.1",
    ] {
      #expect(!S3CredentialService.isTrusted(url))
    }
  }

  @Test func `Moments at which servers want to be asked again are read`() {
    #expect(WebMoment.seconds("Sun, 06 Nov 1994 08:49:37 GMT") == 784_111_777)
    for bad in ["", "tomorrow", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 99 Nov 1994 08:49:37 GMT"] {
      #expect(WebMoment.seconds(bad) == nil)
    }
    let moments = ["1994-11-06T08:49:37Z", "1994-11-06T08:49:37.5+00:00", "1994-11-06T10:19:37+0130"]
    for text in moments { #expect(WebMoment.secondsOfISO(text) == 784_111_777) }
    for bad in ["1994-11-06T08:49:37", "1994-11-06T08:49:37+1", "1994-11-06T08:49:37+99:00", "1994-11-06"] {
      #expect(WebMoment.secondsOfISO(bad) == nil)
    }
  }
}
