import Foundation
import Support
import Synchronization
import System
import Testing

@testable import Artefacts
@testable import Remotes

/// Other places that have weights which were predicted from two objects, and hand out their files as they are.
@Suite struct RemoteUpdatedWeightsTests {
  private let folder = TemporaryFolder()
  private let there: Store
  private let here: Store
  /// Weights, then states, after each of three updates.
  private let contents: [[UInt8]]
  private let digests: [Digest]

  init() throws {
    there = try Store(at: folder["there"], files: .withoutSynchronising)
    here = try Store(at: folder["here"], files: .withoutSynchronising)
    var training = RandomTraining([9000, 3000])
    var (weights, states): ([[UInt8]], [[UInt8]]) = ([], [])
    for _ in 0..<3 {
      training.update()
      weights.append(training.checkpoint)
      states.append(training.states)
    }
    contents = weights + states
    let publication = there.publication()
    digests = try contents.map { try publication.add(bytes: $0).digest }
    try publication.commit()
    let repacking = try Repacking(of: there)
    // The second weights stand on the first ones and on the second states, which stand on the first ones. The third ones on the second.
    let successions = [
      Succession(earlier: digests[3], later: digests[4]),
      Succession(earlier: digests[0], later: digests[1], states: [digests[4]]),
      Succession(earlier: digests[1], later: digests[2]),
    ]
    for succession in successions { #expect(try repacking.pack(succession, limit: 4) != nil) }
    #expect(try there.bases(of: digests[1]) == [digests[0], digests[4]])
    #expect(try there.bases(of: digests[4]) == [digests[3]])
  }

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

  @Test func `Predicted weights are fetched with all that they stand on, and stand for themselves here`()
    async throws
  {
    let server = server()
    defer { server.stop() }
    _ = try await remote(server).fetch(digests[2])
    #expect(try here.objects() == [digests[2]])
    #expect(try here.bytes(of: digests[2]) == contents[2])
    #expect(try here.bases(of: digests[2]).isEmpty)
    #expect(left == [])
  }

  /// Whatever is wanted first.
  @Test(arguments: [
    [[0, 1, 2, 3, 4, 5]], [[5, 4, 3, 2, 1, 0]], [[1], [2], [0, 3, 4, 5]], [[4], [1], [5, 2], [0, 3]],
    [[2, 5], [4, 3], [1, 0]],
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
        let wanted = part.map { WantedObject(digests[$0], size: contents[$0].count) }
        #expect(try await remote.copy(wanted, to: publication).isEmpty)
        try publication.commit()
      }
    }
    #expect(asked.withLock { $0.sorted() } == digests.map { StorePath.object($0).text }.sorted())
    for (digest, content) in zip(digests, contents) {
      #expect(try here.bytes(of: digest) == content)
      #expect(try here.bases(of: digest).isEmpty)
    }
    #expect(left == [])
  }

  @Test(arguments: [0, 3, 4]) func `What the place lacks of two bases is an error that leaves nothing`(
    _ lost: Int
  ) async throws {
    let name = StorePath.object(digests[lost]).text
    let server = server { $0.hasSuffix(name) }
    defer { server.stop() }
    let error = await #expect(throws: Failure.self) { try await remote(server).fetch(digests[2]) }
    #expect(error.map { "\($0)".contains(digests[lost].description) } == true, "\(error as Any)")
    #expect(try here.objects().isEmpty)
    #expect(left == [])
  }

  private func read(_ name: String, of digest: Digest, from files: any RemoteFiles) throws -> [UInt8] {
    let remote = RemoteStore(files, scratch: here)
    let reader = try TensorReader(try #require(try remote.parts(of: digest)))
    var bytes: [UInt8] = []
    try reader.write(try #require(reader.descriptor(name))) { bytes.append(contentsOf: $0) }
    return bytes
  }

  private func expectTensor(from files: any RemoteFiles) throws {
    for number in 0...2 {
      let read = try read("layer.1.weight", of: digests[number], from: files)
      #expect(read.suffix(12_000) == contents[number].suffix(12_000))
    }
    #expect(try here.objects().isEmpty)
  }

  @Test func `A tensor of predicted weights is read over a pipe, as over ssh`() throws {
    let pair = try PipePair(there, isReadOnly: true)
    try withExtendedLifetime(pair) { try expectTensor(from: pair.client) }
  }

  private static let program = ["/usr/lib/openssh/sftp-server", "/usr/libexec/sftp-server"]
    .first { FileManager.default.isExecutableFile(atPath: $0) }

  @Test(.enabled(if: program != nil, "OpenSSH's sftp-server is not installed"))
  func
    `A tensor of predicted weights is read from OpenSSH's server for SFTP, and its lost moments are named`()
    throws
  {
    let program = RemoteUpdatedWeightsTests.program ?? ""
    let files = SFTPFiles(["bash", "-c", "exec '\(program)'"], root: there.root, name: "the machine")
    try expectTensor(from: files)
    try FileManager.default.removeItem(atPath: there.objectPath(digests[4]))
    let error = #expect(throws: Failure.self) { _ = try read("layer.1.weight", of: digests[2], from: files) }
    #expect("\(error!)".contains("its base \(digests[4]) is lost"))
    // It may be here.
    let publication = here.publication()
    #expect(try publication.add(bytes: contents[4]).digest == digests[4])
    try publication.commit()
    #expect(
      try read("layer.1.weight", of: digests[2], from: files).suffix(12_000) == contents[2].suffix(12_000))
  }
}
