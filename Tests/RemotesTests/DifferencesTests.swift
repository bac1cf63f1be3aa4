import Foundation
import Support
import Synchronization
import System
import Testing

@testable import Artefacts
@testable import Remotes

/// A web server that hands out the files of a repacked store as they are.
@Suite struct RemoteDifferencesTests {
  private let folder = TemporaryFolder()
  private let there: Store
  private let here: Store
  private let contents: [[UInt8]]
  private let digests: [Digest]

  init() throws {
    there = try Store(at: folder["there"], files: .withoutSynchronising)
    here = try Store(at: folder["here"], files: .withoutSynchronising)
    let header = Array(#"{"a":{"dtype":"I32","shape":[20000],"data_offsets":[0,80000]}}  "#.utf8)
    contents = (0..<4).map { number in
      Array(withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) }) + header
        + (0..<20_000).flatMap { index -> [UInt8] in
          let value = UInt32(truncatingIfNeeded: index &* 2_654_435_761) &+ UInt32(number * (index % 3))
          return withUnsafeBytes(of: value.littleEndian) { Array($0) }
        }
    }
    let publication = there.publication()
    digests = try contents.map { try publication.add(bytes: $0).digest }
    try publication.commit()
    let repacking = try Repacking(of: there)
    for (earlier, later) in zip(digests, digests.dropFirst()) {
      let change = try repacking.pack(Succession(earlier: earlier, later: later), limit: 4)
      #expect(change != nil)
    }
  }

  /// - Parameter lacks: whether a file is not there.
  private func server(lacks: @escaping @Sendable (String) -> Bool = { _ in false }) -> OddServer {
    OddServer { [there] request in
      guard !lacks(request.path),
        let bytes = FileManager.default.contents(atPath: there.root + "/" + request.path)
      else {
        return .init("HTTP/1.1 404 Not Found\r\nContent-Length: 0")
      }
      return .init("HTTP/1.1 200 OK\r\nContent-Length: \(bytes.count)", Array(bytes))
    }
  }

  private func remote(_ server: OddServer) -> RemoteStore {
    RemoteStore(WebFiles("http://127.0.0.1:\(server.port)", name: "the server"), scratch: here)
  }

  private var left: [String] {
    ((try? FileManager.default.subpathsOfDirectory(atPath: folder["here/tmp"])) ?? [])
      .filter { !$0.hasSuffix("alive") && !$0.hasSuffix("relied") && $0.contains("/") }
  }

  @Test func `What is a difference there is fetched with its bases, and stands for itself here`() async throws
  {
    let server = server()
    defer { server.stop() }
    _ = try await remote(server).fetch(digests[3])
    #expect(try here.objects() == [digests[3]])
    #expect(try here.bytes(of: digests[3]) == contents[3])
    #expect(try here.bases(of: digests[3]).isEmpty)
    // Many at once, some of which are the bases of others.
    let publication = here.publication()
    let wanted = digests.map { WantedObject($0, size: contents[0].count) }
    #expect(try await remote(server).copy(wanted, to: publication).isEmpty)
    try publication.commit()
    for (digest, content) in zip(digests, contents) {
      #expect(try here.bytes(of: digest) == content)
      #expect(try here.bases(of: digest).isEmpty)
    }
    #expect(left == [])
  }

  /// Whatever is wanted first.
  @Test(arguments: [
    [[0, 1, 2, 3]], [[3, 2, 1, 0]], [[3], [0, 1, 2]], [[2], [3], [0], [1]], [[1, 3], [0, 2]],
  ])
  func `Each file is fetched once`(_ order: [[Int]]) async throws {
    let asked = Mutex<[String]>([])
    let server = server { path in
      asked.withLock { $0.append(path) }
      return false
    }
    defer { server.stop() }
    do {
      let remote = remote(server)
      for part in order {
        let publication = here.publication()
        let wanted = part.map { WantedObject(digests[$0], size: contents[0].count) }
        #expect(try await remote.copy(wanted, to: publication).isEmpty)
        try publication.commit()
      }
    }
    #expect(asked.withLock { $0.sorted() } == digests.map { StorePath.object($0).text }.sorted())
    for (digest, content) in zip(digests, contents) { #expect(try here.bytes(of: digest) == content) }
    #expect(left == [])
  }

  @Test func `A base that the place does not have is an error that leaves nothing`() async throws {
    let name = StorePath.object(digests[0]).text
    let server = server { $0.hasSuffix(name) }
    defer { server.stop() }
    let error = await #expect(throws: Failure.self) { try await remote(server).fetch(digests[2]) }
    #expect(error.map { "\($0)".contains(digests[0].description) } == true, "\(error as Any)")
    #expect(try here.objects().isEmpty)
    #expect(left == [])
  }
}
