import Foundation
import Support
import Synchronization
import System
import Testing

@testable import Artefacts
@testable import Remotes

/// The real server of OpenSSH, started without ssh between, and others that do not keep to the protocol.
@Suite struct SFTPTests {
  private static let program = ["/usr/lib/openssh/sftp-server", "/usr/libexec/sftp-server"]
    .first { FileManager.default.isExecutableFile(atPath: $0) }
  private let there: TestStore
  private let here: TestStore
  /// The folder that becomes a store on the other side.
  private let place = TemporaryFolder()

  init() throws {
    there = try TestStore()
    here = try TestStore(isEmpty: true)
  }

  /// - Parameter filter: a shell command through which goes what the server says.
  private func files(_ arguments: String = "", filter: String? = nil) -> SFTPFiles {
    let server = "'\(SFTPTests.program ?? "")' \(arguments)"
    // The filter alone holds the end of what is said, so that its end is seen.
    let command = filter.map { "exec 3<&0; exec \($0) < <(exec \(server) <&3 3<&-) 3<&-" } ?? "exec \(server)"
    return SFTPFiles(["bash", "-c", command], root: place["a/store"], name: "the machine")
  }

  private var push: Push {
    Push(artefacts: [there.tree], records: [there.record], references: [.init("best", to: there.tree.digest)])
  }

  private var leftovers: [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: place["a/store/tmp"])) ?? []
  }

  @Test(.enabled(if: program != nil, "OpenSSH's sftp-server is not installed"))
  func `What is sent is a store, and comes back`() async throws {
    let files = files()
    let outcome = try await push.run(from: there.store, to: files)
    #expect(outcome.objects == 5 && outcome.records == 1 && leftovers.isEmpty)
    let again = try await push.run(from: there.store, to: files)
    #expect(again.objects == 0 && again.objectsThere == 5 && again.recordsThere == 1 && leftovers.isEmpty)
    #expect(try await RemoteStore(files, scratch: here.store).fetch(there.tree.digest) == there.tree)
    try here.store.verify(there.tree.digest)
    let store = try Store(at: place["a/store"], files: .withoutSynchronising)
    try store.verify(there.tree.digest)
    #expect(try store.record(there.record.key) == there.record)
    #expect(try store.reference("best") == there.tree.digest)
    // A name is replaced.
    let other = Push(artefacts: [there.large], references: [.init("best", to: there.large.digest)])
    _ = try await other.run(from: there.store, to: files)
    #expect(try store.reference("best") == there.large.digest)
  }

  @Test(.enabled(if: program != nil, "OpenSSH's sftp-server is not installed"))
  func `What is no object ends at its first bytes`() async throws {
    let path = StorePath.object(there.large.digest).text
    place.write([UInt8](repeating: 60, count: 5_000_000), to: "a/store/" + path)
    let landing = Landing(path, limit: 10_000_000)
    try await files().read([landing])
    #expect(landing.error.map { "\($0)".contains("no object") } == true && landing.count < 100_000)
  }

  @Test(.enabled(if: program != nil, "OpenSSH's sftp-server is not installed"))
  func `A part of an object comes as it stands in its file`() async throws {
    let files = files()
    _ = try await push.run(from: there.store, to: files)
    let path = StorePath.object(there.large.digest).text
    let bytes = try [UInt8](Data(contentsOf: URL(fileURLWithPath: place["a/store/" + path])))
    try TestStore.expectParts(of: bytes, from: files, at: path)
  }

  @Test(.enabled(if: program != nil, "OpenSSH's sftp-server is not installed"))
  func `What is not there is said to be not there, and many files are many`() async throws {
    let publication = there.store.publication()
    let many = try (0..<300).map {
      try publication.add(bytes: Array(String(repeating: "\($0) ", count: $0).utf8))
    }
    try publication.commit()
    let files = files()
    _ = try await Push(artefacts: many).run(from: there.store, to: files)
    // What cannot be read keeps nothing else from coming.
    let folder = StorePath.object(there.tree.digest).text
    try FileManager.default.createDirectory(
      atPath: place["a/store/\(folder)"], withIntermediateDirectories: true)
    let remote = RemoteStore(files, scratch: here.store)
    let wanted = ([there.tree] + many + [there.large]).map { WantedObject($0.digest, size: $0.size) }
    let target = here.store.publication()
    let failures = try await remote.copy(wanted, to: target)
    #expect(Set(failures.keys) == [there.large.digest, there.tree.digest])
    #expect("\(failures[there.tree.digest]!)".contains("the machine says"))
    try target.commit()
    for artefact in many { try here.store.verify(artefact.digest) }
  }

  @Test(.enabled(if: program != nil, "OpenSSH's sftp-server is not installed"))
  func `An object that is there keeps its bytes`() async throws {
    let path = StorePath.object(there.large.digest).text
    try await files().write([Shipment(path: path, content: .bytes([1, 2, 3]))])
    try await files().write([Shipment(path: path, content: .object(there.large.digest, of: there.store))])
    #expect(
      FileManager.default.contents(atPath: place["a/store/\(path)"]) == Data([1, 2, 3]) && leftovers.isEmpty)
    // Whoever reads it there notices.
    await #expect { try await RemoteStore(files(), scratch: here.store).fetch(there.large.digest) } throws: {
      "\($0)".contains("the machine sent a damaged object")
    }
    #expect(try here.store.objects().isEmpty)
  }

  @Test(.enabled(if: program != nil, "OpenSSH's sftp-server is not installed"))
  func `A server that replaces nothing keeps the lists that it has`() async throws {
    let files = files("-P posix-rename")
    _ = try await push.run(from: there.store, to: files)
    _ = try await Push(artefacts: [there.tree], records: [there.record]).run(from: there.store, to: files)
    #expect(leftovers.isEmpty)
    let store = try Store(at: place["a/store"], files: .withoutSynchronising)
    #expect(try store.shared() == [there.tree.digest])
    // A name may mean something else by now.
    await #expect { try await push.run(from: there.store, to: files) } throws: {
      "\($0)".contains("cannot replace refs/best")
    }
  }

  @Test(.enabled(if: program != nil, "OpenSSH's sftp-server is not installed"))
  func `A server that takes nothing is told of`() async throws {
    await #expect { try await push.run(from: there.store, to: files("-R")) } throws: {
      "\($0)".contains("the machine says 'Permission denied'")
    }
    _ = try await push.run(from: there.store, to: files())
    #expect(
      try await RemoteStore(files("-R"), scratch: here.store).fetch(there.tree.digest) == there.tree)
  }

  @Test(.enabled(if: program != nil, "OpenSSH's sftp-server is not installed"))
  func `A push that is cancelled leaves nothing behind`() async throws {
    let (files, path, digest) = (files(), StorePath.object(there.large.digest).text, there.large.digest)
    let task = Mutex<Task<Void, any Error>?>(nil)
    let mayBegin = DispatchSemaphore(value: 0)
    let shipment = Shipment(path: path, content: .object(digest, of: there.store)) { _ in
      mayBegin.wait()
      task.withLock { $0?.cancel() }
    }
    let push = Task { try await files.write([shipment]) }
    task.withLock { $0 = push }
    mayBegin.signal()
    await #expect(throws: CancellationError.self) { try await push.value }
    #expect(leftovers.isEmpty && !FileManager.default.fileExists(atPath: place["a/store/\(path)"]))
  }

  @Test(.enabled(if: program != nil, "OpenSSH's sftp-server is not installed"))
  func `A connection that is cut leaves nothing that is not whole`() async throws {
    _ = try await push.run(from: there.store, to: files())
    for count in [0, 3, 7, 100, 300, 400, 40_000, 1_000_000] {
      let files = files(filter: "stdbuf -o0 head -c \(count)")
      await #expect(throws: Failure.self, "\(count)") {
        try await RemoteStore(files, scratch: here.store).fetch(there.large.digest)
      }
      #expect(try here.store.objects().isEmpty)
    }
    try FileManager.default.removeItem(atPath: place["a/store"])
    for count in [0, 3, 7, 100, 300, 400, 600, 800] {
      let files = files(filter: "stdbuf -o0 head -c \(count)")
      await #expect(throws: Failure.self, "\(count)") { try await push.run(from: there.store, to: files) }
    }
    let store = try Store(at: place["a/store"], files: .withoutSynchronising)
    for digest in try store.objects() { try store.verify(digest) }
  }

  @Test(arguments: [
    "echo Welcome to this machine; cat", #"printf '\377\377\377\377\002aaaaaaaaaa'; sleep 0.2"#,
    #"printf '\000\000\000\005\002\000\000\000\003\000\377\377\377\145aaaa'; sleep 0.2"#,
    #"printf '\000\000\000\005\002\000\000\000\003\000\000\000\005\145\000\000\000\777'; sleep 0.2"#,
    #"printf '\000\000\000\015\002\000\000\000\003\377\377\377\377aaaa'; sleep 0.2"#,
  ])
  func `What does not keep to the protocol is not believed`(_ script: String) async throws {
    let files = SFTPFiles(["sh", "-c", script], root: "/x", name: "the machine")
    await #expect { try await files.present(among: ["format"]) } throws: {
      "\($0)".contains("the machine does not answer as a server of SFTP does")
    }
  }

  /// Such as go on while what was begun is taken back.
  @Test func `Answers that nobody asked for are not listened to for ever`() async throws {
    let script = #"""
      printf '\000\000\000\005\002\000\000\000\003'
      while printf '\000\000\000\011\145\177\377\377\377\000\000\000\000'; do :; done
      """#
    let files = SFTPFiles(["sh", "-c", script], root: "/x", name: "the machine")
    await #expect {
      try await files.write([Shipment(path: "format", content: .bytes([1]))])
    } throws: { "\($0)".contains("the machine does not answer as a server of SFTP does") }
  }

  @Test func `Nobody at the other end is an error that says so`() async throws {
    let files = SFTPFiles(["false"], root: "/x", name: "the machine")
    await #expect { try await files.present(among: ["format"]) } throws: {
      "\($0)".contains("the machine cannot be reached")
    }
  }
}
