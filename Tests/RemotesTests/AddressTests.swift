@testable import Artefacts
import Support
import System
import Testing

@testable import Remotes

@Suite struct AddressTests {
  private let digest = Digest(of: Array("a".utf8))

  @Test(arguments: [
    "/srv/store", "./store", "../store", "file:///srv/store", "https://host/path", "http://host:8080/a/b",
    "ssh://host/path", "ssh://me@host:2222/~/store", "sftp://me@host:2222/~/store", "s3://bucket",
    "s3://bucket/a/b?endpoint=http://host:9000", "s3://bucket?endpoint=http://host&region=x&style=host",
  ])
  func `Addresses of every kind are read, and written as they were`(_ text: String) throws {
    #expect(try RemoteAddress(text).description == text)
  }

  @Test(arguments: [
    "", "name", "ftp://host/path", "https://", "https://host/a?b", "https://me:secret@host/", "ssh://host",
    "ssh:///path",
    "ssh://-oProxyCommand=touch/path", "sftp://-oProxyCommand=touch/path", "sftp://host/",
    "ssh://host:port/path", "s3://", "s3://bucket?key=secret", "s3://bucket?style=other", "/a\u{7}b",
    "file://host/path",
  ])
  func `What is no address is refused`(_ text: String) {
    #expect { try RemoteAddress(text) } throws: { ($0 as? Failure)?.code == .malformed }
  }

  @Test func `A password is not repeated in the message that refuses it`() {
    for text in [
      "https://me:secret@host/", "http://me@other:secret@host/", "s3://lab/x?endpoint=http://me:secret@host",
    ] {
      #expect { try RemoteAddress(text) } throws: { !"\($0)".contains("secret") }
    }
  }

  @Test func `A place whose address cannot be read is counted, so that nothing is sent to another one`()
    throws
  {
    let folder = TemporaryFolder()
    let store = try Store(at: folder["store"])
    let names = RemoteNames(of: store)
    try names.set("backup", to: RemoteAddress("https://example.org/backup"))
    #expect(try names.resolve(nil) == RemoteAddress("https://example.org/backup"))
    folder.write("later://example.org/lab\n", to: "store/remotes/lab")
    #expect(throws: Failure.self) { try names.resolve(nil) }
    #expect(try names.all().map(\.name) == ["backup"])
    folder.write("later://example.org/lab\n", to: "store/remotes/origin")
    #expect {
      try names.resolve(nil)
    } throws: {
      "\($0)".contains("holds no address")
    }
  }

  @Test(arguments: [
    ("", "lab", "https://lab.s3.r.amazonaws.com"), ("", "my.lab", "https://s3.r.amazonaws.com/my.lab"),
    ("style=path", "lab", "https://s3.r.amazonaws.com/lab"),
    ("endpoint=https://host:9000/", "lab", "https://host:9000/lab"),
    ("endpoint=https://host:9000/a&style=host", "lab", "https://lab.host:9000/a"),
    ("endpoint=https://host&style=host", "my.lab", "https://my.lab.host"),
    ("endpoint=https://host", "lab", "https://host/lab"),
    ("style=host", "my.lab", "https://my.lab.s3.r.amazonaws.com"),
  ])
  func `A bucket is named where its service expects it`(_ options: String, _ bucket: String, _ url: String)
    throws
  {
    #expect(try #require(S3Service(options: options[...])).base(of: bucket, in: "r") == url)
  }

  @Test func `Others are told which service keeps a bucket, as the environment here says`() throws {
    let here = ["AWS_ENDPOINT_URL": "https://s3.example.org:9000", "AWS_DEFAULT_REGION": "eu"]
    func told(_ text: String, _ environment: [String: String]) throws -> String {
      try RemoteAddress(text).absolute(files: LocalFileSystem()) { environment[$0] }.description
    }
    #expect(
      try told("s3://lab/store", here) == "s3://lab/store?endpoint=https://s3.example.org:9000&region=eu")
    let given = "s3://lab?endpoint=https://other&style=host"
    #expect(try told(given, here) == "s3://lab?endpoint=https://other&region=eu&style=host")
    // Also Amazon's, which the environment of others may not name.
    #expect(
      try told("s3://lab/store", [:])
        == "s3://lab/store?endpoint=https://s3.us-east-1.amazonaws.com&region=us-east-1&style=host")
    #expect(
      try told("s3://my.lab", ["AWS_REGION": "eu"])
        == "s3://my.lab?endpoint=https://s3.eu.amazonaws.com&region=eu&style=path")
  }

  @Test(arguments: ["lab", "my.lab"])
  func `What others are told of a bucket means for them what it means here`(_ bucket: String) throws {
    for options in ["", "style=path", "style=host", "region=eu", "endpoint=https://host:9000"] {
      let here = try #require(S3Service(options: options[...]))
      let told = try #require(S3Service(options: here.complete(for: bucket).options.dropFirst()))
      let there = told.completed { _ in "https://elsewhere" }
      let region = here.region ?? S3Service.usualRegion
      #expect(there.region == region)
      #expect(try there.base(of: bucket, in: region) == here.base(of: bucket, in: region))
    }
  }

  @Test func `Lines are read as they are written`() throws {
    let lineage = Digest(of: Array("b".utf8))
    for from in [nil, "/a b/ü", "https://host/x", "s3://b/c?endpoint=http://h:1&region=x"] as [String?] {
      for tensor in [nil, "model.layers.0.weight", "a#b?c&d=e %"] as [String?] {
        let line = ShareLine(
          digest: digest, from: try from.map { try RemoteAddress($0) }, lineage: lineage, tensor: tensor)
        #expect(try ShareLine(line.description) == line)
        #expect(ShareLine.isMeant(by: line.description))
        // It stands between single quotes.
        #expect(!line.description.contains { $0 == "'" || $0.isWhitespace })
      }
    }
    #expect(try ShareLine(digest.description) == ShareLine(digest: digest))
    #expect(!ShareLine.isMeant(by: digest.description))
  }

  @Test(arguments: ["", "?from", "?lineage=x", "?other=1", "#", "?from=%zz", "?from=ftp://x"])
  func `What is no line is refused`(_ rest: String) {
    let start = rest.isEmpty ? "sha256:12345678" : digest.description
    #expect { try ShareLine(start + rest) } throws: { ($0 as? Failure)?.code == .malformed }
  }

  @Test func `Lists of records are read as they are written, and nothing else is`() throws {
    let list = LineageList(artefact: digest, records: [Digest.last, Digest.first])
    #expect(try LineageList(bytes: list.bytes, digest: digest) == list)
    #expect(list.records == [Digest.first, Digest.last])
    for bytes in [
      [], Array("{}".utf8), Array(list.bytes.dropLast()), Array("{\"brake\":\"lineage 2\"}".utf8),
    ] {
      #expect(throws: Failure.self) { try LineageList(bytes: bytes, digest: digest) }
    }
  }

  /// The example "GET Bucket (List Objects)" of Amazon's documentation of Signature Version 4.
  @Test func `Requests are signed as in Amazon's example`() throws {
    let signer = S3Signer(
      credentials: try #require(
        S3Credentials(
          profile: S3Profile.values(
            of: "default",
            in: "[other]\naws_access_key_id = no\n[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\n"
              + "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n"))), region: "us-east-1")
    let service = try #require(S3Service(options: "endpoint=https://s3.amazonaws.com&style=host"))
    let base = try service.base(of: "examplebucket", in: "us-east-1")
    let headers = signer.headers(
      for: WebRequest(method: "GET", url: base + "/?max-keys=2&prefix=J"),
      at: "20130524T000000Z", payload: Digest(of: []).hex)
    #expect(
      headers.last
        == "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
        + "SignedHeaders=host;x-amz-content-sha256;x-amz-date, "
        + "Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7")
  }
}
