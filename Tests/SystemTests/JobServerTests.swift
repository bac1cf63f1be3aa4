import Glibc
import Support
import Testing

@testable import System

@Suite struct JobServerTests {
  @Test func `MAKEFLAGS is read as make writes it`() {
    func address(_ flags: String) -> JobServerAddress? { JobServerAddress(makeFlags: flags) }
    #expect(address(" -j4 --jobserver-auth=3,4")?.place == .descriptors(read: 3, write: 4))
    #expect(address(" -j4 --jobserver-auth=3,4")?.jobs == 4)
    #expect(address("ks --jobserver-auth=fifo:/tmp/GMfifo7 -j2 -- A=-j9")?.place == .fifo("/tmp/GMfifo7"))
    #expect(address("ks --jobserver-auth=fifo:/tmp/GMfifo7 -j2 -- A=-j9")?.jobs == 2)
    #expect(address("--jobserver-fds=5,6 -j")?.place == .descriptors(read: 5, write: 6))
    #expect(address("--jobserver-fds=5,6 -j")?.jobs == nil)
    #expect(
      address("-j --jobserver-auth=1,2 --jobserver-auth=-2,-2")?.place == .descriptors(read: -2, write: -2))
    for flags in [
      "", "k", "-j4", "--jobserver-auth=", "--jobserver-auth=3", "--jobserver-auth=a,b",
      "-- --jobserver-auth=3,4",
    ] {
      #expect(address(flags) == nil, "\(flags)")
    }
  }

  @Test func `A make that runs one job at a time says so`() {
    for flags in [" -j1", "ks -j4 -j1", "-j1 -- A=-j9"] {
      #expect(JobServer.isSerial(makeFlags: flags), "\(flags)")
    }
    for flags in [nil, "", "k", "-j", "-j4", "-j1 -j4", "-j12", "-- -j1"] {
      #expect(!JobServer.isSerial(makeFlags: flags), "\(flags ?? "none")")
    }
  }

  @Test func `A server hands out as many tokens as there are jobs`() throws {
    let server = try #require(JobServer(jobs: 3))
    let tokens = (0..<3).compactMap { _ in server.tryTake() }
    #expect(tokens.count == 3)
    #expect(server.tryTake() == nil)
    server.give(tokens[1])
    let again = try #require(server.tryTake())
    #expect(server.tryTake() == nil)
    // The one that needs no token is a place like the others.
    server.give(tokens[0])
    let first = try #require(server.tryTake())
    #expect(server.tryTake() == nil)
    for token in [again, first, tokens[2]] { server.give(token) }
    #expect(JobServer(jobs: 1) == nil)
  }

  @Test func `Whoever waits gets the token that is given back, or is cancelled`() async throws {
    let server = try #require(JobServer(jobs: 2))
    let tokens = [try await server.take(), try await server.take()]
    let waiting = Task { try await server.take() }
    let cancelled = Task { try await server.take() }
    cancelled.cancel()
    await #expect(throws: CancellationError.self) { try await cancelled.value }
    server.give(tokens[1])
    server.give(try await waiting.value)
    server.give(tokens[0])
    #expect((0..<3).compactMap { _ in server.tryTake() }.count == 2)
  }

  @Test func `Tokens that killed commands took with them are replaced when nothing runs`() throws {
    let server = try #require(JobServer(jobs: 4))
    let token = try #require(server.tryTake())
    var byte: UInt8 = 0
    #expect(read(server.offered.read.number, &byte, 1) == 1)
    #expect(read(server.offered.read.number, &byte, 1) == 1)
    #expect((0..<4).compactMap { _ in server.tryTake() }.count == 1)
    _ = token
    let other = try #require(JobServer(jobs: 4))
    let only = try #require(other.tryTake())
    for _ in 0..<3 { #expect(read(other.offered.read.number, &byte, 1) == 1) }
    #expect(other.tryTake() == nil)
    other.give(only)
    #expect((0..<5).compactMap { _ in other.tryTake() }.count == 4)
  }

  @Test func `Tokens of make's pipe are given back as they were`() throws {
    var ends: [Int32] = [-1, -1]
    #expect(pipe(&ends) == 0)
    defer { for end in ends { close(end) } }
    #expect(write(ends[1], "ab", 2) == 2)
    let server = try #require(
      try JobServer.inherited(
        makeFlags: " -j3 --jobserver-auth=\(ends[0]),\(ends[1])", keeperExecutable: nil))
    #expect(server.jobs == 3)
    let tokens = (0..<4).compactMap { _ in server.tryTake() }
    #expect(tokens.count == 3)
    for token in tokens { server.give(token) }
    var bytes: [UInt8] = [0, 0]
    #expect(read(ends[0], &bytes, 2) == 2)
    #expect(bytes.sorted() == Array("ab".utf8))
    // Others share the description: it must go on waiting.
    #expect(fcntl(ends[0], F_GETFL) & O_NONBLOCK == 0)
  }

  @Test func `Tokens of make's fifo are given back`() throws {
    let folder = TemporaryFolder()
    #expect(mkfifo(folder["fifo"], 0o600) == 0)
    let file = open(folder["fifo"], O_RDWR)
    defer { close(file) }
    #expect(write(file, "++", 2) == 2)
    let server = try #require(
      try JobServer.inherited(makeFlags: "-j3 --jobserver-auth=fifo:\(folder["fifo"])", keeperExecutable: nil)
    )
    let tokens = (0..<4).compactMap { _ in server.tryTake() }
    #expect(tokens.count == 3)
    for token in tokens { server.give(token) }
    var bytes: [UInt8] = [0, 0]
    #expect(read(file, &bytes, 2) == 2)
  }

  @Test func `What is announced and not there is an error that says what to do`() throws {
    #expect(try JobServer.inherited(makeFlags: nil, keeperExecutable: nil) == nil)
    #expect(try JobServer.inherited(makeFlags: "-j4", keeperExecutable: nil) == nil)
    let folder = TemporaryFolder()
    folder.write("", to: "file")
    let file = open(folder["file"], O_RDWR)
    defer { close(file) }
    for auth in ["-2,-2", "901,902", "\(file),\(file)", "fifo:\(folder["none"])", "fifo:\(folder["file"])"] {
      #expect(throws: JobServer.Unreachable.self, "\(auth)") {
        try JobServer.inherited(makeFlags: "-j4 --jobserver-auth=\(auth)", keeperExecutable: nil)
      }
    }
  }
}
