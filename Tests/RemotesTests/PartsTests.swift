import Foundation
import Safetensors
import Support
import Synchronization
import System
import Testing

@testable import Artefacts
@testable import Remotes

/// One tensor of an object that a web server has, without the rest.
@Suite struct PartsTests {
  private let folder = TemporaryFolder()
  private let there: Store
  private let here: Store
  private let tensors: [String: [UInt8]]
  private let digest: Digest
  private let sent = Counter()

  private final class Counter: Sendable {
    private let count = Mutex(0)
    var value: Int { count.withLock { $0 } }
    func add(_ more: Int) { count.withLock { $0 += more } }
  }

  init() throws {
    there = try Store(at: folder["there"], files: .withoutSynchronising)
    here = try Store(at: folder["here"], files: .withoutSynchronising)
    let source = try FileHandle(forReadingFrom: URL(fileURLWithPath: "/dev/urandom"))
    func random(_ count: Int) throws -> [UInt8] { [UInt8](try source.read(upToCount: count) ?? Data()) }
    let tensors = [
      "a": try random(4_000_000), "small.bias": try random(8), "w": try random(3_000_000),
      "z": try random(4_000_000),
    ]
    self.tensors = tensors
    digest = try PartsTests.add(tensors, to: there)
  }

  /// Adds a checkpoint with these tensors of float32.
  private static func add(_ tensors: [String: [UInt8]], to store: Store) throws -> Digest {
    let writer = try SafetensorsWriter(tensors.map { ($0.key, .float32, [$0.value.count / 4]) })
    var bytes: [UInt8] = []
    try writer.write(
      { tensor, pass in try tensors[tensor.name]!.withUnsafeBytes { try pass($0) } },
      to: { bytes.append(contentsOf: $0) })
    let publication = store.publication()
    let artefact = try publication.add(bytes: bytes)
    try publication.commit()
    return artefact.digest
  }

  /// A server with parts. What it sends can be changed.
  private func server(
    _ change: @escaping @Sendable (OddServer.Request, OddServer.Answer) -> OddServer.Answer = { $1 }
  ) -> OddServer {
    OddServer { [there, sent] request in
      guard let file = FileManager.default.contents(atPath: there.root + "/" + request.path) else {
        return .init("HTTP/1.1 404 Not Found\r\nContent-Length: 0")
      }
      let line = request.head.split(separator: "\r\n").first { $0.lowercased().hasPrefix("range: bytes=") }
      let ends = (line?.dropFirst("range: bytes=".count) ?? "0-").split(
        separator: "-", omittingEmptySubsequences: false)
      let start = ends[0].isEmpty ? max(0, file.count - Int(ends[1])!) : Int(ends[0])!
      let end = ends[0].isEmpty ? file.count : min(file.count, (Int(ends[1]) ?? file.count) + 1)
      sent.add(end - start)
      let head = "HTTP/1.1 206 Partial\r\nContent-Range: bytes \(start)-\(end - 1)/\(file.count)"
      return change(request, .init("\(head)\r\nContent-Length: \(end - start)", Array(file[start..<end])))
    }
  }

  private func read(_ name: String, of digest: Digest, _ server: OddServer) throws -> [UInt8] {
    let remote = RemoteStore(
      WebFiles("http://127.0.0.1:\(server.port)", name: "the server"), scratch: here)
    let reader = try TensorReader(try #require(try remote.parts(of: digest)))
    var bytes: [UInt8] = []
    try reader.write(try #require(reader.descriptor(name))) { bytes.append(contentsOf: $0) }
    let file = try SafetensorsFile(bytes)
    #expect(file.tensors.map(\.name) == [name])
    return Array(try #require(file[name]))
  }

  @Test func `Only the chunks that hold a tensor come`() throws {
    let server = server()
    defer { server.stop() }
    #expect(try read("w", of: digest, server) == tensors["w"])
    // Its own bytes, those of the chunks at its ends, the header's chunk and the end of the file.
    #expect(sent.value < 3_000_000 + 3 * (1 << 20))
    let before = sent.value
    #expect(try read("small.bias", of: digest, server) == tensors["small.bias"])
    #expect(sent.value - before < 3 * (1 << 20))
    // Nothing is kept.
    #expect(try here.objects().isEmpty)
  }

  @Test func `Of a short file no more comes than it is long`() throws {
    let short = ["a": 100_000, "w": 60_000, "z": 60_000].reduce(into: [String: [UInt8]]()) {
      $0[$1.key] = Array(tensors[$1.key]!.prefix($1.value))
    }
    let digest = try PartsTests.add(short, to: there)
    let file = try #require(FileManager.default.contents(atPath: there.objectPath(digest)))
    let server = server()
    defer { server.stop() }
    #expect(try read("w", of: digest, server) == short["w"])
    #expect(sent.value == file.count)
  }

  @Test func `A tensor of a difference is read with its bases, there or here`() throws {
    let first = ["a": 2_000_000, "w": 500_000, "z": 2_000_000].reduce(into: [String: [UInt8]]()) {
      $0[$1.key] = Array(tensors[$1.key]!.prefix($1.value))
    }
    var digests = [try PartsTests.add(first, to: there)]
    for number in 1...3 {
      var next = first
      for name in next.keys { next[name]![4 * number] ^= 1 }
      digests.append(try PartsTests.add(next, to: there))
      _ = try #require(
        try Repacking(of: there).pack(
          Succession(earlier: digests[number - 1], later: digests[number]), limit: 4))
    }
    let server = server()
    defer { server.stop() }
    var wanted = first["w"]!
    wanted[12] ^= 1
    #expect(try read("w", of: digests[3], server) == wanted)
    #expect(sent.value < 2_500_000)
    // Without its base it cannot be read, and the base is named.
    try FileManager.default.removeItem(atPath: there.objectPath(digests[0]))
    let error = #expect(throws: Failure.self) { _ = try read("w", of: digests[3], server) }
    #expect("\(error!)".contains("its base \(digests[0]) is lost"))
    // The base of a base may be here.
    #expect(try PartsTests.add(first, to: here) == digests[0])
    #expect(try read("w", of: digests[1], server).count == wanted.count)
  }

  @Test func `A server without parts is said to have none`() throws {
    let server = OddServer { [there] request in
      let bytes = FileManager.default.contents(atPath: there.root + "/" + request.path) ?? Data()
      return .init("HTTP/1.1 200 OK\r\nContent-Length: \(bytes.count)", Array(bytes))
    }
    defer { server.stop() }
    let remote = RemoteStore(WebFiles("http://127.0.0.1:\(server.port)", name: "s"), scratch: here)
    #expect(try remote.parts(of: digest) == nil)
  }

  @Test(arguments: [
    ("HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-99/100\r\nContent-Length: 100", 100, "damaged"),
    ("HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-9/10\r\nContent-Length: 10", 10, "damaged"),
    ("HTTP/1.1 206 Partial\r\nContent-Range: bytes 5-/x\r\nContent-Length: 10", 10, "another part"),
    ("HTTP/1.1 206 Partial\r\nContent-Length: 10", 10, "another part"),
    (
      "HTTP/1.1 206 Partial\r\nContent-Range: bytes 9223372036854775806-9223372036854775807/9223372036854775807\r\n"
        + "Content-Length: 10", 10, "another part"
    ),
    ("HTTP/1.1 206 Partial\r\nContent-Range: bytes 0-99999/100000", 100_000, "sends more than"),
    ("HTTP/1.1 404 Not Found\r\nContent-Length: 0", 0, "does not have"),
    ("HTTP/1.1 403 Forbidden\r\nContent-Length: 0", 0, "answers 403"),
  ]) func `What is not the part is refused`(_ head: String, _ count: Int, _ words: String) throws {
    let server = OddServer { _ in .init(head, [UInt8](repeating: 7, count: count)) }
    defer { server.stop() }
    let error = #expect(throws: Failure.self) { _ = try read("w", of: digest, server) }
    #expect("\(error!)".contains(words))
  }

  @Test func `A part that was changed does not pass its checksum`() throws {
    let server = server { _, answer in
      var answer = answer
      if answer.pieces[1].count > 1 << 17 { answer.pieces[1][answer.pieces[1].count / 2] ^= 1 }
      return answer
    }
    defer { server.stop() }
    let error = #expect(throws: Failure.self) { _ = try read("w", of: digest, server) }
    #expect(error?.code == .damaged && "\(error!)".contains("the server"))
  }

  @Test func `What is no safetensors file has no tensors`() throws {
    let publication = there.publication()
    let other = try publication.add(bytes: [UInt8](repeating: 255, count: 100_000)).digest
    try publication.commit()
    let server = server()
    defer { server.stop() }
    let error = #expect(throws: Failure.self) { _ = try read("w", of: other, server) }
    #expect("\(error!)".contains("no safetensors file"))
  }
}
